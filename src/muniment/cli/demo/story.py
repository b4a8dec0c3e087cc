"""What happens to the model, and who says so: every line here is an event that the ledger has taken, or refused."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from muniment.cli.demo.learning import THRESHOLD, Biopsies, Score
from muniment.cli.demo.place import ADA, BEN, Place
from muniment.cli.demo.text import Narrator
from muniment.client import capturing, identity, key_request, opening
from muniment.client.ledger import Ledger
from muniment.client.things import Dataset, Plan, Recorded, Version
from muniment.core.format import digest, time
from muniment.core.rules.policy import PolicyViolation
from muniment.errors import InvariantError
from muniment.ledger.embedded import system_clock

MODEL = "tumour-screen"
PRODUCTION = "production"
DEPLOYMENT = f"{PRODUCTION}/{MODEL}"
PLANNED = 0.95
FIRST_C, SECOND_C = 0.1, 1000.0

REASONS = {
    1: "Found every tumour in the test. Fit for a second look beside the doctor's.",
    2: "Passes the plan, and makes no mistake in training.",
}


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the model with how it did, on the parts of the data."""

    version: Version
    training: Score
    test: Score
    later: Score
    approval: Recorded
    deployment: Recorded


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the facts that are asked about and attacked later."""

    origin: str
    ledger: str
    recorded: tuple[Recorded, ...]
    first: Trained
    second: Trained
    rollback: Recorded
    refusal: PolicyViolation
    unregistered: str


class Story:
    """Tells the life of the model through the SDK, as two people."""

    def __init__(self, place: Place, narrator: Narrator) -> None:
        self._place = place
        self._narrator = narrator
        self._recorded: list[Recorded] = []

    def tell(self) -> Life:
        """Live it, from the founding of the ledger to the rollback."""
        biopsies = Biopsies.load()
        with ExitStack() as stack:
            ada, ben = self._found(stack)
            training, plan, test = self._register_data(ada, biopsies)
            self._narrator.chapter("Version 1: trained, tested, approved, deployed")
            self._narrator.gap()
            learner = _Learner(ada, ben, biopsies, training, test, plan)
            first = self._release(learner, 1, FIRST_C)
            refusal, unregistered = self._deploy_unregistered(ada)
            self._narrator.chapter("Version 2, and a bad week")
            self._narrator.say(
                "Ada trains again, with a setting that lets the model cling much closer to the patients it learns from. "
                "It passes the test as well, and goes live."
            )
            self._narrator.gap()
            second = self._release(learner, 2, SECOND_C)
            rollback = self._roll_back(ada, first, second)
            return Life(
                origin=ada.origin,
                ledger=ada.id,
                recorded=tuple(self._recorded),
                first=first,
                second=second,
                rollback=rollback,
                refusal=refusal,
                unregistered=unregistered,
            )

    def _found(self, stack: ExitStack) -> tuple[Ledger, Ledger]:
        place, narrator = self._place, self._narrator
        narrator.chapter("Two people and a ledger")
        narrator.say(
            "A ledger is a book to which entries are only ever added. Whoever makes an entry signs it with a key, and each "
            "entry is sealed together with all that came before. Change one, and no later seal fits any more."
        )
        narrator.gap()
        ada = stack.enter_context(opening.found(place.settings(ADA)))
        narrator.happened("entry 0", f"Ada founds the ledger {ada.origin}; its rules and her key are its first entry.")
        request = identity.request(place.home, ada.origin, BEN, "person")
        admitted = ada.keys.admit(key_request.format(request), roles=["approver"], reason="Ben decides what goes live.")
        self._note(admitted, "Ben makes a key of his own and asks to be let in. Ada admits him as an approver.")
        narrator.say(
            "This machine plays both people, so both keys lie in this folder. In earnest everybody keeps their own. "
            "(Entries are numbered with gaps because every second one is a seal.)"
        )
        return ada, stack.enter_context(place.open(BEN))

    def _register_data(self, ada: Ledger, biopsies: Biopsies) -> tuple[Dataset, Plan, Dataset]:
        narrator = self._narrator
        narrator.chapter("The data, and what is asked of a model")
        narrator.say(
            "569 biopsies that ship with scikit-learn: 30 measurements of cell nuclei for each patient, and whether the tumour "
            "was malignant. 369 patients are for training and 100 for the test. The last 100 stay in the drawer: they stand "
            "for those who come once the model is in use."
        )
        narrator.gap()
        training = self._register_part(ada, biopsies, "training")
        test = self._register_part(ada, biopsies, "test")
        plan = ada.plan(MODEL, "accuracy", "ge", PLANNED, dataset=test, reason="Agreed with the clinic.")
        self._note(
            plan.recorded, f"Ada says what a model must reach, before there is one: accuracy {PLANNED} on the test patients."
        )
        narrator.say(
            "The short code beside a name is a fingerprint of the files, taken with SHA-256: one byte more or less, and it is "
            "another one."
        )
        return training, plan, test

    def _register_part(self, ada: Ledger, biopsies: Biopsies, part: Any) -> Dataset:
        path = self._place.data / f"{part}.csv"
        rows = biopsies.write(part, path)
        data = ada.dataset(
            f"biopsies-{part}",
            path,
            rows=rows,
            licence="CC-BY-4.0",
            purposes=["diagnosis-support"],
            personal_data="no",
            source_category="public",
            origin="Breast Cancer Wisconsin (Diagnostic), as shipped with scikit-learn",
        )
        self._note(data.recorded, f"Ada registers {data}, {rows} patients.")
        return data

    def _release(self, learner: _Learner, number: int, c: float) -> Trained:
        """Train, register, test, approve and deploy one version."""
        narrator = self._narrator
        folder = self._place.models / str(number)
        model, version, started, finished, training = learner.train(folder, c)
        self._note(started, f"Ada starts a training run: logistic regression, C = {c:g}, on {learner.training}.")
        self._note(version.recorded, f"What came out is registered as {version}: the 4 files in {_shown(folder)}.")
        self._note(finished, f"The run ends. On the training patients: accuracy {training.accuracy:.4g}.")
        test = learner.biopsies.score(model, "test")
        evaluated = learner.ada.evaluate(version, test.metrics(), dataset=learner.test, role="test", plan=learner.plan)
        self._note(
            evaluated,
            f"The test: accuracy {test.accuracy:g}, {test.sentence()}. The ledger compares that with the plan itself: passed.",
        )
        reason = REASONS[number]
        approval = learner.ben.approve(version, PRODUCTION, reason=reason)
        said = " The reason that he writes is sealed: the ledger holds its fingerprint, not its words." if number == 1 else ""
        self._note(approval, f"Ben approves {version.name}@{version.number} for production.{said}")
        transition: Any = "start" if number == 1 else "promote"
        deployment = learner.ada.deploy(version, PRODUCTION, transition=transition)
        self._note(deployment, f"Ada deploys it{' in place of version 1' if number > 1 else ''}. The entry names Ben's approval.")
        later = learner.biopsies.score(model, "later")
        return Trained(version=version, training=training, test=test, later=later, approval=approval, deployment=deployment)

    def _deploy_unregistered(self, ada: Ledger) -> tuple[PolicyViolation, str]:
        narrator = self._narrator
        narrator.chapter("A deployment that is refused")
        edited = self._place.models / "edited"
        shutil.copytree(self._place.models / "1", edited)
        config = json.loads((edited / "config.json").read_text(encoding="utf-8"))
        config["threshold"] = THRESHOLD / 2
        (edited / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        found = capturing.read(edited).digest
        narrator.say(
            f"Somebody changes one number in a copy of the model, the threshold in config.json, and Ada is asked to deploy that "
            f"quickly. Nobody has registered these files ({digest.short(found)}), so nobody has tested or approved them."
        )
        narrator.gap()
        try:
            ada.deploy(found, PRODUCTION, name=MODEL, reason="Quick fix.")
        except PolicyViolation as refusal:
            narrator.refused(f"{refusal} [{refusal.code}]")
            return refusal, found
        raise InvariantError("a version that was never registered was deployed")

    def _roll_back(self, ada: Ledger, first: Trained, second: Trained) -> Recorded:
        narrator, bad = self._narrator, second.version
        narrator.say("Then the 100 patients come who were kept back.")
        narrator.gap()
        now = time.format(system_clock())
        impact = f"Version 2 was {second.later.sentence()}; version 1 would have been {first.later.sentence()}."
        metrics: list[Any] = [{"metric": name, "value": value} for name, value in sorted(second.later.metrics().items())]
        self._note(
            ada.record(
                "monitoring.reported",
                {
                    "about": [f"version/{bad.digest}"],
                    "periodStartAt": now,
                    "periodEndAt": now,
                    "metrics": metrics,
                    "conclusion": impact,
                },
            ),
            f"Monitoring: accuracy {second.later.accuracy:g}, {second.later.sentence()}. "
            f"Version 1 would have been {first.later.sentence()}.",
        )
        incident = {"severity": "high", "awareAt": now, "version": bad.digest, "hold": True, "impact": impact}
        self._note(ada.record("incident.recorded", incident), "Ada records an incident and puts version 2 on hold.")
        rollback = ada.rollback(DEPLOYMENT, reason="Tumours were missed that version 1 finds.")
        self._note(rollback, "Ada rolls back: version 1 runs again.")
        return rollback

    def _note(self, recorded: Recorded, what: str) -> None:
        self._recorded.append(recorded)
        self._narrator.happened(f"entry {recorded.index}", what)


class _Learner(msgspec.Struct, frozen=True):
    """Two people, the data, and the plan that both versions have to meet."""

    ada: Ledger
    ben: Ledger
    biopsies: Biopsies
    training: Dataset
    test: Dataset
    plan: Plan

    def train(self, folder: Path, c: float) -> tuple[Any, Version, Recorded, Recorded, Score]:
        """One recorded training run, and the version that it leaves behind."""
        parameters = {"C": c, "solver": "newton-cholesky", "threshold": THRESHOLD}
        run = self.ada.training(
            MODEL, inputs={"training": self.training}, parameters=parameters, entry_point="muniment-demo", strict=True
        )
        with run:
            model = self.biopsies.fit(c)
            score = self.biopsies.score(model, "training")
            for name, value in score.metrics().items():
                run.metric(name, value)
            self.biopsies.save(model, c, folder)
            version = run.register(MODEL, folder)
        if version is None or run.started is None or run.finished is None:
            raise InvariantError("a strict run was not recorded")
        return model, version, run.started, run.finished, score


def _shown(path: Path) -> str:
    """A path as seen from where the command was called."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
