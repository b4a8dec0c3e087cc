"""The SDK: one verb for each thing that happens to a model, each written, sealed and verified before it returns.

ledger = muniment.open()
data = ledger.dataset("loans", "data/loans.csv", licence="CC-BY-4.0")
with ledger.training("credit-risk", inputs={"training": data}) as run:
    version = run.register("credit-risk", "out/model")
ledger.approve(version, environment="production", reason="second review")
ledger.deploy(version, environment="production")
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal

from muniment.capture import files
from muniment.client import capturing
from muniment.client.drafting import Plain, free_form, measured
from muniment.client.questions import Questions
from muniment.client.things import Dataset, Plan, Recorded, Version
from muniment.client.training import Training
from muniment.client.writing import Writer
from muniment.core.rules.policy import Verdict
from muniment.core.rules.records import Deployment
from muniment.errors import InvalidInput, NotFound

PathLike = str | os.PathLike[str]
Progress = files.Progress
DatasetRef = Dataset | str
VersionRef = Version | str


class Ledger(Questions):
    """An open ledger. `Questions` has the reading half; every verb here records an event and returns when it is durable."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self._writer = writer

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of files and connections."""
        self._writer.engine.close()
        if self._index is not None:
            self._index.close()

    def record(self, event: str, fields: Mapping[str, Plain]) -> Recorded:
        """Record any event of the vocabulary from its fields (docs/events.md). Prose is sealed.

        Raises InvalidInput, PolicyViolation, Conflict, Unavailable.
        """
        return self._writer.record(event, fields)

    def judge(self, event: str, fields: Mapping[str, Plain]) -> Verdict:
        """What the ledger would answer to an event now: advice as of its newest block; nothing is recorded."""
        return self._writer.judge(event, fields)

    def dataset(
        self, name: str, path: PathLike, *, reason: str | None = None, progress: Progress | None = None, **fields: Plain
    ) -> Dataset:
        """Register the files at `path` as a data set. Further fields are those of `dataset.registered`.

        The same name and bytes again give the first registration. Raises Conflict where the bytes have another name.
        """
        captured = capturing.capture(path, self._writer.manifests, progress)
        recorded = self.record(
            "dataset.registered",
            {
                "name": name,
                "data": captured.digest,
                "bytes": captured.manifest.total_bytes,
                "files": len(captured.manifest.lines),
                "format": captured.extension,
                "reason": reason,
                **fields,
            },
        )
        return Dataset(name=name, digest=captured.digest, number=self.number_of(captured.digest), recorded=recorded)

    def training(
        self,
        model: str,
        *,
        inputs: Mapping[str, DatasetRef | Sequence[DatasetRef]] | None = None,
        parameters: Mapping[str, Plain] | None = None,
        base: Sequence[VersionRef] = (),
        seed: int | None = None,
        entry_point: str | None = None,
        reason: str | None = None,
        strict: bool = False,
    ) -> Training:
        """A training run as a context manager. It never raises into the training code, unless `strict`.

        `inputs` maps a role (training, validation, test) to data sets.
        """
        listed: list[Plain] = []
        for role, given in (inputs or {}).items():
            several = [given] if isinstance(given, str | Dataset) else given
            listed += [{"role": role, "data": self._digest(each, "data")} for each in several]
        fields: dict[str, Plain] = {
            "model": model,
            "inputs": listed,
            "parameters": free_form(parameters or {}),
            "baseVersions": [self._digest(each, "version") for each in base],
            "seed": seed,
            "entryPoint": entry_point,
            "reason": reason,
        }
        return Training(self._writer, self.register, fields, strict=strict)

    def register(
        self,
        model: str,
        path: PathLike,
        *,
        run: str | None = None,
        derivation: str | None = None,
        parents: Sequence[VersionRef] = (),
        data: Sequence[DatasetRef] = (),
        reason: str | None = None,
        progress: Progress | None = None,
        **fields: Plain,
    ) -> Version:
        """Register the files at `path` as a version of a model, under their manifest root.

        Without a run the version is `imported` unless `derivation` says otherwise. Raises Conflict where the bytes are
        registered under another name.
        """
        captured = capturing.capture(path, self._writer.manifests, progress)
        recorded = self.record(
            "model.registered",
            {
                "model": model,
                "version": captured.digest,
                "omsDigest": captured.oms_digest,
                "format": captured.extension,
                "derivation": derivation or ("trained" if run else "imported"),
                "parents": [self._digest(each, "version") for each in parents],
                "run": run,
                "data": [self._digest(each, "data") for each in data],
                "grade": "observed" if run else "declared",
                "reason": reason,
                **fields,
            },
        )
        return Version(name=model, digest=captured.digest, number=self.number_of(captured.digest), recorded=recorded)

    def plan(
        self,
        model: str,
        metric: str,
        comparator: Literal["eq", "ge", "gt", "le", "lt"],
        threshold: float | str,
        *,
        dataset: DatasetRef | None = None,
        reason: str | None = None,
    ) -> Plan:
        """Say what a model must reach, before it is measured."""
        recorded = self.record(
            "evaluation.planned",
            {
                "model": model,
                "metric": metric,
                "comparator": comparator,
                "threshold": threshold if isinstance(threshold, str) else float(threshold),
                "data": None if dataset is None else self._digest(dataset, "data"),
                "reason": reason,
            },
        )
        return Plan(id=recorded.event_id, recorded=recorded)

    def evaluate(
        self,
        version: VersionRef,
        metrics: Mapping[str, float | str],
        *,
        dataset: DatasetRef | None = None,
        role: Literal["test", "training", "validation"] | None = None,
        plan: Plan | str | None = None,
        reason: str | None = None,
    ) -> Recorded:
        """Record what was measured; whether a plan was met is computed by the ledger."""
        return self.record(
            "evaluation.completed",
            {
                "version": self._digest(version, "version"),
                "results": measured(metrics),
                "data": None if dataset is None else self._digest(dataset, "data"),
                "datasetRole": role,
                "plan": plan.id if isinstance(plan, Plan) else plan,
                "reason": reason,
            },
        )

    def approve(
        self,
        version: VersionRef,
        environment: str,
        *,
        decision: Literal["approve", "conditional", "reject"] = "approve",
        reason: str | None = None,
        conditions: str | None = None,
        expires_at: str | None = None,
    ) -> Recorded:
        """Decide, as yourself, whether a version may run in an environment."""
        return self.record(
            "approval.decided",
            {
                "of": {"version": self._digest(version, "version"), "environment": environment},
                "decision": decision,
                "meaning": "approval",
                "conditions": conditions,
                "expiresAt": expires_at,
                "reason": reason,
            },
        )

    def deploy(
        self,
        version: VersionRef,
        environment: str,
        *,
        name: str | None = None,
        transition: Literal["start", "promote", "rollback", "scale", "stop"] = "start",
        reason: str | None = None,
        **fields: Plain,
    ) -> Recorded:
        """Record that a version begins to serve. Finds and cites the approvals and evaluations itself.

        `name` defaults to the model's name. Raises PolicyViolation with every reason where the rules refuse it.
        """
        digest = self._digest(version, "version")
        called = name or self.name_of(digest)
        running = self.running(environment, called)
        replaced = running.version if running and running.version != digest and transition not in ("scale", "stop") else None
        return self.record(
            "deployment.changed",
            {
                "transition": transition,
                "environment": environment,
                "name": called,
                "version": digest,
                "replaces": replaced,
                "approvals": self.open_approvals(digest, environment),
                "evaluations": self.evaluations_of(digest),
                "reason": reason,
                **fields,
            },
        )

    def rollback(self, deployment: str, *, to: VersionRef | None = None, reason: str | None = None) -> Recorded:
        """Go back to an earlier version of a deployment (`environment/name`): to `to`, or to the one before."""
        environment, _, name = deployment.partition("/")
        if not name:
            raise InvalidInput(
                f"{deployment!r} is no deployment", code="bad-deployment", hint="Write it like production/credit-risk."
            )
        target = to or self.version_before(environment, name)
        return self.deploy(target, environment, name=name, transition="rollback", reason=reason)

    def running(self, environment: str, name: str) -> Deployment | None:
        """What serves under a name in an environment now, if anything does."""
        state = self.state(f"deployment/{environment}/{name}", Deployment)
        return state if state is not None and state.status == "running" else None

    def _digest(self, thing: Dataset | Version | str, kind: Literal["data", "version"]) -> str:
        if isinstance(thing, Dataset | Version):
            return thing.digest
        if len(thing) == 64 and all(character in "0123456789abcdef" for character in thing):
            return thing
        found = self.resolve(thing)
        if found.kind != kind or not found.digest:
            raise NotFound(f"{thing!r} is no {'data set' if kind == 'data' else 'model version'}", code=f"no-such-{kind}")
        return found.digest
