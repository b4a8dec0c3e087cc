"""What happens to the model, and who says so: every line here is an event that the ledger has taken, or refused."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack

import msgspec

from muniment.cli.demo import founding
from muniment.cli.demo.aftermath import Aftermath, Traced
from muniment.cli.demo.diary import Diary, Refused
from muniment.cli.demo.learning import THRESHOLD, Biopsies
from muniment.cli.demo.place import Place
from muniment.cli.demo.release import DEPLOYMENT, MODEL, PRODUCTION, Released, Team, Trained, share
from muniment.cli.demo.text import Narrator
from muniment.client import capturing
from muniment.client.drafting import Plain
from muniment.client.ledger import Ledger
from muniment.client.proving import Proved
from muniment.client.things import Recorded
from muniment.core.format import digest, time
from muniment.ledger.embedded import system_clock

FIRST_C, SECOND_C = 0.1, 1000.0


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the facts that are asked about and attacked later.

    old: an answer from before the rollback
    forged: the approval that was signed with Cleo's stolen key
    traced: what learned from the data that was withdrawn at the end
    """

    origin: str
    ledger: str
    recorded: tuple[Recorded, ...]
    refused: tuple[Refused, ...]
    first: Released
    second: Released
    third: Trained
    incident: Recorded
    rollback: Recorded
    unregistered: str
    old: Proved
    forged: Recorded
    traced: Traced


class Story:
    """Tells the life of the model through the SDK, as three people. `shown` is the demo's folder as people read it."""

    def __init__(self, place: Place, shown: str, biopsies: Biopsies, narrator: Narrator) -> None:
        self._place = place
        self._shown = shown
        self._biopsies = biopsies
        self._narrator = narrator
        self._diary = Diary(narrator)

    def tell(self) -> Life:
        """Live it, from the founding of the ledger to the data that were withdrawn."""
        with ExitStack() as stack:
            people = founding.found(self._place, self._narrator, self._diary, stack)
            team = founding.gather(self._place, people, self._biopsies, self._narrator, self._diary)
            first = self._release_first(team)
            unregistered = self._deploy_unregistered(team.ada)
            second = self._release_second(team)
            old = team.ben.prove_state(f"deployment/{DEPLOYMENT}")
            incident, rollback = self._roll_back(team.ada, first.trained, second.trained)
            aftermath = Aftermath(self._place, self._shown, team, self._narrator, self._diary)
            third = aftermath.hold_back()
            forged, cleo = aftermath.lose_key(first.version, stack)
            traced = aftermath.withdraw(first.version, cleo)
            return Life(
                origin=team.ada.origin,
                ledger=team.ada.id,
                recorded=tuple(self._diary.recorded),
                refused=tuple(self._diary.refused),
                first=first,
                second=second,
                third=third,
                incident=incident,
                rollback=rollback,
                unregistered=unregistered,
                old=old,
                forged=forged,
                traced=traced,
            )

    def _train(self, team: Team, number: int, c: float) -> Trained:
        return team.train(self._place.models / str(number), c, f"{self._shown}/models/{number}", self._diary.note)

    def _release_first(self, team: Team) -> Released:
        diary = self._diary
        self._narrator.chapter("Version 1: trained, tested, approved, deployed")
        self._narrator.gap()
        trained = self._train(team, 1, FIRST_C)
        version, test = trained.version, trained.test
        diary.refuse(
            "own-approval",
            "separation",
            "Ada would gladly approve her own model.",
            lambda: team.ada.approve(version, PRODUCTION, reason="It is good."),
        )
        reason = f"In the test it was {test.sentence()}. Fit to stand beside a doctor."
        approval = team.ben.approve(version, PRODUCTION, reason=reason)
        said = "The reason that he writes is sealed: the ledger holds its fingerprint, not its words."
        diary.note(approval, f"Ben approves {version.title} for production. {said}")
        diary.refuse(
            "one-approval", "approvals", "Ada thinks that this will do, and deploys.", lambda: team.ada.deploy(version, PRODUCTION)
        )
        seconded = team.cleo.approve(version, PRODUCTION, reason="I have seen the test, and how it was made.")
        diary.note(seconded, f"Cleo approves {version.title} as well.")
        deployment = team.ada.deploy(version, PRODUCTION)
        diary.note(deployment, "Ada deploys it. The entry names both approvals and the test.")
        return Released(trained=trained, approval=approval, seconded=seconded, deployment=deployment)

    def _deploy_unregistered(self, ada: Ledger) -> str:
        narrator = self._narrator
        narrator.chapter("A quick fix")
        edited = self._place.models / "edited"
        shutil.copytree(self._place.models / "1", edited)
        config = json.loads((edited / "config.json").read_text(encoding="utf-8"))
        config["threshold"] = THRESHOLD / 2
        (edited / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        found = capturing.read(edited).digest
        narrator.say(
            "Somebody changes one number in a copy of version 1, the threshold in config.json, and Ada is asked to deploy that "
            f"quickly. Nobody has registered these files ({digest.short(found)}), so nobody has tested or approved them."
        )
        narrator.gap()
        self._diary.refuse(
            "unregistered",
            "unknown",
            "Ada deploys it.",
            lambda: ada.deploy(found, PRODUCTION, name=MODEL, reason="A quick fix."),
        )
        return found

    def _release_second(self, team: Team) -> Released:
        self._narrator.chapter("Version 2, and a bad week")
        self._narrator.say(
            "Ada trains again, with a setting that lets the model cling much closer to the patients it learns from. "
            "It meets the plan as well, and goes live."
        )
        self._narrator.gap()
        trained = self._train(team, 2, SECOND_C)
        version, diary = trained.version, self._diary
        reason = f"It meets the plan, and in training it was {trained.training.sentence()}."
        approval = team.ben.approve(version, PRODUCTION, reason=reason)
        diary.note(approval, f"Ben approves {version.title} for production.")
        seconded = team.cleo.approve(version, PRODUCTION, reason="It meets the plan.")
        diary.note(seconded, "So does Cleo.")
        deployment = team.ada.deploy(version, PRODUCTION)
        diary.note(deployment, "Ada deploys it in place of version 1.")
        return Released(trained=trained, approval=approval, seconded=seconded, deployment=deployment)

    def _roll_back(self, ada: Ledger, first: Trained, second: Trained) -> tuple[Recorded, Recorded]:
        diary, bad = self._diary, second.version
        self._narrator.say("Then the 100 patients come who were kept back.")
        self._narrator.gap()
        now = time.format(system_clock())
        compared = f"Version 1 would have been {first.later.sentence()}."
        report: dict[str, Plain] = {
            "about": [f"version/{bad.digest}"],
            "periodStartAt": now,
            "periodEndAt": now,
            "metrics": [{"metric": name, "value": value} for name, value in sorted(second.later.metrics().items())],
            "conclusion": compared,
        }
        said = f"In use: accuracy {share(second.later.accuracy)}, {second.later.sentence()}."
        diary.note(ada.record("monitoring.reported", report), f"{said} {compared}")
        incident = ada.hold(bad, severity="high", impact=said)
        diary.note(incident, "Ada records an incident and puts version 2 on hold.")
        rollback = ada.rollback(DEPLOYMENT, reason=f"Version 2 was {second.later.sentence()}.")
        diary.note(rollback, "Ada rolls back: version 1 runs again.")
        return incident, rollback
