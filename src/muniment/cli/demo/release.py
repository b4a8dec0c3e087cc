"""One version of the model on its way into production: trained and tested by Ada, approved by Ben, deployed by Ada."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from muniment.cli.demo.learning import THRESHOLD, Biopsies, Score
from muniment.client.drafting import Plain
from muniment.client.ledger import Ledger
from muniment.client.things import Dataset, Plan, Recorded, Version
from muniment.core.rules.records import Evaluation
from muniment.errors import InvariantError

MODEL = "tumour-screen"
PRODUCTION = "production"
DEPLOYMENT = f"{PRODUCTION}/{MODEL}"

Note = Callable[[Recorded, str], None]


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """A version in production, with how it did on each part of the data."""

    version: Version
    training: Score
    test: Score
    later: Score
    approval: Recorded
    deployment: Recorded


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """Two people, the data, and the plan that every version has to meet."""

    ada: Ledger
    ben: Ledger
    biopsies: Biopsies
    training: Dataset
    test: Dataset
    plan: Plan

    def release(self, folder: Path, c: float, shown: str, note: Note) -> Trained:
        """Bring a version into production; `note` is told of each event. `shown` is the folder as people read it."""
        model, version, training = self._train(folder, c, shown, note)
        test = self.biopsies.score(model, "test")
        self._evaluate(version, test, note)
        first = version.number == 1
        approval = self.ben.approve(version, PRODUCTION, reason=_reason(first, training, test))
        sealed = " The reason that he writes is sealed: the ledger holds its fingerprint, not its words." if first else ""
        note(approval, f"Ben approves {version.title} for production.{sealed}")
        deployment = self.ada.deploy(version, PRODUCTION, transition="start" if first else "promote")
        note(deployment, f"Ada deploys it{'' if first else ' in place of version 1'}. The entry names Ben's approval.")
        return Trained(
            version=version,
            training=training,
            test=test,
            later=self.biopsies.score(model, "later"),
            approval=approval,
            deployment=deployment,
        )

    def _train(self, folder: Path, c: float, shown: str, note: Note) -> tuple[Any, Version, Score]:
        """One recorded training run, and the version that it leaves behind."""
        parameters: dict[str, Plain] = {"C": c, "solver": "newton-cholesky", "threshold": THRESHOLD}
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
        note(run.started, f"Ada starts a training run: logistic regression, C = {c:g}, on {self.training.title}.")
        note(version.recorded, f"What came out is registered as {version}: the {version.files} files in {shown}.")
        note(run.finished, f"The run ends. In training: accuracy {share(score.accuracy)}, {score.sentence()}.")
        return model, version, score

    def _evaluate(self, version: Version, score: Score, note: Note) -> None:
        done = self.ada.evaluate(version, score.metrics(), dataset=self.test, role="test", plan=self.plan)
        state = self.ada.state(f"evaluation/{done.event_id}", Evaluation)
        verdict = "passed" if state is not None and state.passed is True else "not passed"
        said = f"In the test: accuracy {share(score.accuracy)}, {score.sentence()}."
        note(done, f"{said} The ledger itself compares that with the plan: {verdict}.")


def share(value: float) -> str:
    """A share as people read it, to three digits; the ledger has all of them."""
    return str(round(value, 3))


def _reason(first: bool, training: Score, test: Score) -> str:
    if first:
        return f"In the test it was {test.sentence()}. Fit to stand beside a doctor."
    return f"It meets the plan, and in training it was {training.sentence()}."
