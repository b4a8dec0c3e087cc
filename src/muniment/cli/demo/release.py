"""A version of the model on its way into production: trained and tested by Ada, approved by Ben and Cleo, deployed by Ada."""

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
PRODUCTION, WEST = "production", "west"
DEPLOYMENT = f"{PRODUCTION}/{MODEL}"
REQUIRED = 0.95

Note = Callable[[Recorded, str], None]


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """A version, with how it did on each part of the data; `measured` is the entry of its test."""

    version: Version
    measured: Recorded
    training: Score
    test: Score
    later: Score


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """A version in production; `approval` is Ben's, `seconded` Cleo's."""

    trained: Trained
    approval: Recorded
    seconded: Recorded
    deployment: Recorded

    @property
    def version(self) -> Version:
        """The version itself."""
        return self.trained.version


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """Three people, the data, and the plan that every version has to meet."""

    ada: Ledger
    ben: Ledger
    cleo: Ledger
    biopsies: Biopsies
    south: Dataset
    training: Dataset
    test: Dataset
    plan: Plan

    def train(self, folder: Path, c: float, shown: str, note: Note) -> Trained:
        """Train and test a version; `note` is told of each event. `shown` is the folder as people read it."""
        model, version, training = self._run(folder, c, shown, note)
        test = self.biopsies.score(model, "test")
        measured = self._evaluate(version, test, note)
        later = self.biopsies.score(model, "later")
        return Trained(version=version, measured=measured, training=training, test=test, later=later)

    def _run(self, folder: Path, c: float, shown: str, note: Note) -> tuple[Any, Version, Score]:
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

    def _evaluate(self, version: Version, score: Score, note: Note) -> Recorded:
        done = self.ada.evaluate(version, score.metrics(), dataset=self.test, role="test", plan=self.plan)
        state = self.ada.state(f"evaluation/{done.event_id}", Evaluation)
        verdict = "passed" if state is not None and state.passed is True else "not passed"
        said = f"In the test: accuracy {share(score.accuracy)}, {score.sentence()}."
        note(done, f"{said} The ledger itself compares that with the plan: {verdict}.")
        return done


def share(value: float) -> str:
    """A share as people read it, to three digits; the ledger has all of them."""
    return str(round(value, 3))
