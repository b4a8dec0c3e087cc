"""What was recorded and what was refused, each told as it happens."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from muniment.cli.demo.text import Narrator
from muniment.client.things import Recorded
from muniment.core.rules.policy import PolicyViolation
from muniment.errors import InvariantError


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody tried, in plain words, and the ledger's no with every reason."""

    name: str
    tried: str
    violation: PolicyViolation


class Diary:
    """Keeps the story's events and refusals in their order."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator
        self.recorded: list[Recorded] = []
        self.refused: list[Refused] = []

    def note(self, recorded: Recorded, what: str) -> None:
        """Tell an event that the ledger has taken."""
        self.recorded.append(recorded)
        self._narrator.happened(f"entry {recorded.index}", what)

    def refuse(self, name: str, rule: str, tried: str, act: Callable[[], Recorded]) -> None:
        """Try what one rule forbids, and tell the ledger's answer.

        Raises InvariantError where the ledger takes it after all, or refuses it for anything else.
        """
        try:
            taken = act()
        except PolicyViolation as violation:
            rules = {reason.rule for reason in violation.verdict.reasons}
            if rules != {rule}:
                raise InvariantError(f"{name} was refused by {', '.join(sorted(rules))} and not by {rule} alone") from violation
            self.refused.append(Refused(name=name, tried=tried, violation=violation))
            # What would mend it is for those who want to go on; the summary has it.
            said = " ".join(f"{reason.required} {reason.found}" for reason in violation.verdict.reasons)
            self._narrator.refused(f"{tried} The ledger: {said} [{violation.code}]")
            return
        raise InvariantError(f"the ledger took what {rule} forbids: {name}, entry {taken.index}")
