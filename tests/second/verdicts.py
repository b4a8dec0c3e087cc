"""What is said to an event that does not become an entry."""

from __future__ import annotations


class Refused(Exception):
    """An event that the rules refuse: `rules` in the order in which they were met."""

    def __init__(self, *rules: str) -> None:
        super().__init__(*rules)
        self.rules = list(dict.fromkeys(rules))


class Repeated(Exception):
    """An event that says again what is recorded at `index`."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index
