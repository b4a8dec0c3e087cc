"""A ledger in which much was made of much: data cleaned and joined, runs, fine-tuned and merged versions, and what was decided."""

from __future__ import annotations

from pathlib import Path

import msgspec

import makers
from muniment.core.format import statement
from muniment.core.proof.trust import Trust
from muniment.ledger.embedded import Embedded

RAW, CLEAN, OTHER, JOINED, TESTS = ("1" * 64, "2" * 64, "3" * 64, "4" * 64, "5" * 64)
V1, V2, V3, V4 = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
PLACE = "deployment/production/credit-risk"
REASON, SALT = "less overfitting", b"r" * 16


class Family:
    """Entry indices and event ids of what happened, each in a block of its own."""

    def __init__(self, path: Path) -> None:
        self.life = makers.found(path)
        self.trust = Trust(makers.ORIGIN, self.life.ledger, (makers.VERIFIER,))
        self.ids: dict[str, str] = {}
        self.at: dict[str, int] = {}
        self._data()
        self._versions()
        self._decisions()

    @property
    def engine(self) -> Embedded:
        """The ledger."""
        return self.life.engine

    def say(self, label: str, name: str, /, **fields: object) -> str:
        """Record one event under a label; returns its id."""
        self.ids[label] = makers.next_id()
        self.at[label] = self.life.append(self.life.sign(name, event_id=self.ids[label], **fields))[0].index
        return self.ids[label]

    def _data(self) -> None:
        for label, name, root in (
            ("raw", "loans", RAW),
            ("clean", "loans-clean", CLEAN),
            ("other", "bureau", OTHER),
            ("joined", "joined", JOINED),
            ("tests", "holdout", TESTS),
        ):
            self.say(label, "dataset.registered", name=name, data=root, bytes=1, files=1, licence="CC-BY-4.0")
        self.say("cleaned", "dataset.transformed", operation="clean", inputs=[RAW], outputs=[CLEAN])
        self.say("join", "dataset.transformed", operation="join", inputs=sorted([CLEAN, OTHER]), outputs=[JOINED])

    def _versions(self) -> None:
        run = self.say(
            "run 1",
            "training.started",
            model="credit-risk",
            gitCommit="f" * 40,
            seed=7,
            inputs=[{"data": JOINED, "role": "training"}, {"data": TESTS, "role": "test"}],
            parameters=[{"key": "depth", "value": 6}, {"key": "rate", "value": "0.1"}],
            reason=msgspec.to_builtins(statement.seal(REASON, SALT)),
        )
        self.say("finish 1", "training.finished", run=run, status="finished", metrics=[{"metric": "auc", "value": "0.91"}])
        self.say("version 1", "model.registered", model="credit-risk", version=V1, derivation="trained", run=run, format="onnx")
        run = self.say(
            "run 2",
            "training.started",
            model="credit-risk",
            gitCommit="e" * 40,
            seed=7,
            inputs=[{"data": OTHER, "role": "training"}],
            baseVersions=[V1],
            parameters=[{"key": "depth", "value": 8}, {"key": "rate", "value": "0.1"}],
        )
        self.say("finish 2", "training.finished", run=run, status="finished", metrics=[{"metric": "auc", "value": "0.93"}])
        self.say("version 2", "model.registered", model="credit-risk", version=V2, derivation="finetuned", run=run, format="onnx")
        self.say("version 3", "model.registered", model="edge", version=V3, derivation="quantised", parents=[V2], grade="declared")
        self.say("version 4", "model.registered", model="fraud", version=V4, derivation="trained", data=[TESTS], grade="declared")

    def _decisions(self) -> None:
        of = {"version": V1, "environment": "production"}
        self.say("evaluation", "evaluation.completed", version=V1, results=[{"metric": "auc", "value": "0.90"}], datasetRole="test")
        approval = self.say("approval", "approval.decided", of=of, decision="approve", meaning="approval")
        self.say(
            "expiring",
            "approval.decided",
            of={**of, "environment": "staging"},
            decision="approve",
            meaning="approval",
            expiresAt="2026-11-23T12:00:20.000000Z",
        )
        self.say(
            "start",
            "deployment.changed",
            transition="start",
            environment="production",
            name="credit-risk",
            version=V1,
            approvals=[approval],
        )
        for number, old, new in ((1, 6, 7), (2, 7, 9)):
            self.say(
                f"depth {number}",
                "parameter.changed",
                of={"version": V1},
                target="hyperparameter",
                path="depth",
                old=old,
                new=new,
                ticket=f"RISK-{number}",
            )
        place = {"environment": "production", "name": "credit-risk"}
        self.say("threshold", "parameter.changed", of=place, target="threshold", path="decision.cutoff", new="0.5")
        self.say("incident", "incident.recorded", severity="high", awareAt="2026-11-23T00:00:00.000000Z", version=V2, hold=True)

    def withdraw(self) -> None:
        """The raw data may no longer be used."""
        self.say("withdrawn", "dataset.withdrawn", data=RAW, cause="licence")
