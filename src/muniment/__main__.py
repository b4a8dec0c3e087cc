"""`python -m muniment`."""

from muniment.cli.main import main

main()
