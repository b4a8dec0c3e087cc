"""Where cases of refusals.json are written: a block after the whole story, most of which first record what they need.

desk = Desk(pen)
held = desk.say("incident.recorded", actor="grace", ...)
desk.case("a version on hold", held, desk.stage("hold"))      # the rules that refuse an event come before its fields
"""

from __future__ import annotations

import itertools

from published.cast import Json, moment
from published.council import STAGE, W1
from published.scribe import PLACE, V1, Scribe

NOW = moment(60)
STAGED = ("w1 approved by bob", "w1 approved by frank", "w1 approved by grace")
EXPIRES = {"expiresAt": moment(2_880)}

Case = tuple[str, int, str, list[bytes], list[Json]]
Step = tuple[str, bytes, tuple[str, ...]]
"""The label of an event, its entry, and the rules that refuse it: none where it is admitted."""


class Desk:
    """Signs the events of a case, and adds up what is said to them."""

    def __init__(self, pen: Scribe) -> None:
        self.pen = pen
        self.numbers = itertools.count(len(pen.labels))

    def case(self, name: str, *steps: Step, time: str = NOW) -> Case:
        verdicts: list[Json] = []
        index = self.pen.book.size
        for _, _, refused in steps:
            said: Json = {"rules": list(refused)} if refused else {"index": index}
            verdicts.append({"decision": "refused" if refused else "admitted"} | said)
            index += not refused
        return name, self.pen.book.height, time, [raw for _, raw, _ in steps], verdicts

    def say(self, name: str, /, *refused: str, **fields: object) -> Step:
        label = f"{name} {next(self.numbers)}"
        return label, self.pen.sign(label, name, **fields), refused  # type: ignore[arg-type]

    def id(self, step: Step) -> str:
        return self.pen.id(step[0])

    def ids(self, *labels: str) -> list[str]:
        return sorted(self.pen.id(label) for label in labels)

    def decide(self, version: str, place: str, /, *refused: str, **fields: object) -> Step:
        of = {"version": version, "environment": place}
        return self.say("approval.decided", *refused, **{"of": of, "decision": "approve", "meaning": "approval", **fields})

    def waive(self, rule: str, version: str, place: str, /, *refused: str, **fields: object) -> Step:
        of = {"version": version, "environment": place}
        return self.say("waiver.granted", *refused, **{"actor": "grace", "rule": rule, **of, **EXPIRES, **fields})

    def promote(self, *refused: str, **fields: object) -> Step:
        """V1 in production, as it runs there, with all that is asked for."""
        met = {"approvals": self.ids("approved"), "evaluations": self.ids("evaluated")}
        given = {**PLACE, "transition": "promote", "version": V1, **met, **fields}
        return self.say("deployment.changed", *refused, **given)

    def stage(self, *refused: str, **fields: object) -> Step:
        """W1 in staging, as it runs there, with all that is asked for."""
        given = {**STAGE, "transition": "promote", "version": W1, "approvals": self.ids(*STAGED), **fields}
        return self.say("deployment.changed", *refused, **given)
