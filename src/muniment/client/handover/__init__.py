"""The package that goes with a model when it is handed over: a bundle that proves, and one page that a person reads."""
