"""What comes after the bad week: a version that is too careful, a key that is stolen, data that turn out to be wrong."""

from __future__ import annotations

import os
from contextlib import ExitStack

import msgspec

from muniment.cli.demo.diary import Diary
from muniment.cli.demo.place import CLEO, Place
from muniment.cli.demo.release import DEPLOYMENT, PRODUCTION, WEST, Team, Trained
from muniment.cli.demo.text import Narrator
from muniment.client import identity, key_request
from muniment.client.ledger import Ledger
from muniment.client.proving import Proved
from muniment.client.things import Dataset, Recorded, Version
from muniment.core.proof.inquiry import ImpactFindings
from muniment.core.proof.inquiry.derivation import path_to
from muniment.errors import InvariantError
from muniment.ledger import signers

THIRD_C = 0.0001
IMPACT = "impact.json"


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """A version that learned from the withdrawn data: by way of what, and where it runs now."""

    version: str
    way: tuple[str, ...]
    running: tuple[str, ...]


class Traced(msgspec.Struct, frozen=True, kw_only=True):
    """A withdrawn data set, the entry that says so, and every version that learned from it, and what the gate says to what runs."""

    data: Dataset
    withdrawn: Recorded
    learned: tuple[Learned, ...]
    gate: str


class Aftermath:
    """Three chapters, each with a deployment that the ledger refuses."""

    def __init__(self, place: Place, shown: str, team: Team, narrator: Narrator, diary: Diary) -> None:
        self._place = place
        self._shown = shown
        self._team = team
        self._narrator = narrator
        self._diary = diary

    def hold_back(self) -> Trained:
        """A version that everybody is in favour of, and that fails the test."""
        team, diary = self._team, self._diary
        self._narrator.chapter("Version 3, too careful")
        self._narrator.say(
            "Version 2 clung too closely to its patients, so Ada binds the next one tightly. Ben and Cleo are in favour of caution."
        )
        self._narrator.gap()
        trained = team.train(self._place.models / "3", THIRD_C, f"{self._shown}/models/3", diary.note)
        version = trained.version
        for ledger, said in (team.ben, f"Ben approves {version.title} for production."), (team.cleo, "So does Cleo."):
            diary.note(ledger.approve(version, PRODUCTION, reason="Rather too careful than too bold."), said)
        measured = [trained.measured.event_id]
        diary.refuse(
            "failed-test",
            "evaluations",
            "Everybody agrees, and Ada deploys it.",
            lambda: team.ada.deploy(version, PRODUCTION, evaluations=measured),
        )
        return trained

    def lose_key(self, version: Version, stack: ExitStack) -> tuple[Recorded, Ledger]:
        """An approval that Cleo never gave, and a new key for her. Returns that approval, and the ledger as she opens it then."""
        team, diary = self._team, self._diary
        self._narrator.chapter("A stolen key")
        self._narrator.say("A second hospital, in the west, wants version 1, and asks for the same as the first one.")
        self._narrator.gap()
        diary.note(team.ben.approve(version, WEST, reason="As for the first."), f"Ben approves {version.title} for {WEST}.")
        forged = team.cleo.approve(version, WEST)
        diary.note(forged, "At night a second approval comes in, signed with Cleo's key.")
        self._narrator.say("In the morning Cleo finds her laptop gone, with the key on it. She has approved nothing.")
        self._narrator.gap()
        path = self._place.home.actor_key(CLEO)
        stolen = signers.load_file(path).public_key
        said = f"Ada records that others have had Cleo's key since entry {forged.index}. What it signed from there on is disputed."
        diary.note(team.ada.keys.compromise(stolen.hex(), forged.index, reason="Her laptop was stolen."), said)
        os.replace(path, self._place.home.ended_key(CLEO, stolen))
        request = identity.request(self._place.home, team.ada.origin, CLEO, "person")
        admitted = team.ada.keys.admit(key_request.format(request), reason="In the place of the stolen one.")
        diary.note(admitted, "Cleo makes a new key, and Ada admits it.")
        diary.refuse(
            "disputed-key", "approvals", "There are two approvals, so Ada deploys.", lambda: team.ada.deploy(version, WEST)
        )
        return forged, stack.enter_context(self._place.open(CLEO))

    def withdraw(self, version: Version, cleo: Ledger) -> Traced:
        """Data that have to go: the next deployment is refused, and what learned from them is found."""
        team, diary, south = self._team, self._diary, self._team.south
        self._narrator.chapter("Data that have to go")
        self._narrator.gap()
        diary.note(cleo.approve(version, WEST, reason="This time it is me."), f"Cleo approves {version.title} for {WEST} herself.")
        self._narrator.say("Then the south clinic calls: its instrument has measured wrongly all along.")
        self._narrator.gap()
        withdrawn = team.ada.withdraw(south, cause="defect", remedy="Measure again, and train again with that.")
        diary.note(withdrawn, f"Ada withdraws {south.title}.")
        diary.refuse("withdrawn-data", "withdrawn", "Now she deploys for the west.", lambda: team.ada.deploy(version, WEST))
        self._narrator.say("And what else has learned from these patients? The ledger knows every step from data to model.")
        self._narrator.gap()
        proved = team.ada.impact(south.title)
        proved.save(self._place.proofs / IMPACT)
        learned = _trace(proved, version)
        for each in learned:
            told = f"It runs now, as {' and '.join(each.running)}." if each.running else "It runs nowhere."
            self._narrator.happened("learned", f"{each.version}, by way of {', '.join(each.way)}. {told}")
        self._narrator.say(
            "The ledger names what runs already, and does not stop it: people decide that. But once it stops, its gate, which "
            "asks the ledger at every start, does not let it start again."
        )
        self._narrator.gap()
        return Traced(data=south, withdrawn=withdrawn, learned=learned, gate=self._restart())

    def _restart(self) -> str:
        """Version 1 asks at its gate whether it may start once more; the code of the answer."""
        gated = self._team.ada.gate(DEPLOYMENT, self._place.models / "1", receipt=self._place.proofs / "gate.json")
        if gated.allowed:
            raise InvariantError("the gate lets something start that learned from withdrawn data")
        code = gated.causes[0].code
        self._narrator.refused(f"Version 1 asks at the gate of {DEPLOYMENT} whether it may start once more. [{code}]")
        return code


def _trace(proved: Proved, running: Version) -> tuple[Learned, ...]:
    """What learned from the data, out of the proof. Raises InvariantError where what runs is not among it."""
    findings = proved.findings
    if not isinstance(findings, ImpactFindings):
        raise InvariantError("an impact answer has other findings")
    names = {each.stream: each.name for each in findings.things}
    learned = tuple(
        Learned(
            version=each.name,
            way=tuple(names[step] for step in path_to(findings.things, each.stream)[1:-1] if step in names),
            running=tuple(place.name for place in findings.deployments if place.version == each.stream),
        )
        for each in findings.versions()
    )
    if not any(each.running for each in learned if each.version == running.title):
        raise InvariantError(f"{running.title} learned from the data and runs, and was not found")
    return learned
