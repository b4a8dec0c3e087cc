"""How fast and how large: `python -m bench` measures Muniment against what the machine can do at best in the same run.

    python -m bench                     # everything, about ten minutes; writes bench/results.json
    python -m bench ingest audit        # some families
    python -m bench --quick             # small sizes: shows that it runs, proves nothing about speed

Absolute numbers differ from machine to machine and from minute to minute. Each result therefore names a limit that was
measured beside it, turn by turn, and its ratio to that limit; docs and tests speak of ratios only.
"""
