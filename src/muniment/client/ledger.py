"""The SDK: one verb for each thing that happens to a model, each written, sealed and verified before it returns.

ledger = muniment.open()
data = ledger.dataset("loans", "data/loans.csv", licence="CC-BY-4.0")
with ledger.training("credit-risk", inputs={"training": data}) as run:
    version = run.register("credit-risk", "out/model")
ledger.approve(version, environment="production", reason="second review")
ledger.deploy(version, environment="production")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from muniment.capture.hashing import Progress
from muniment.client.answers import Answers
from muniment.client.capturing import PathLike
from muniment.client.drafting import Plain, free_form, measured
from muniment.client.identity import Keys
from muniment.client.things import Dataset, Plan, Recorded, Version
from muniment.client.training import Training, Write
from muniment.client.writing import Writer
from muniment.core.rules import records
from muniment.core.rules.events.deployment import Transition
from muniment.core.rules.policy import Verdict
from muniment.core.rules.records import Deployment
from muniment.errors import InvalidInput, NotFound
from muniment.ledger.pins import Contact
from muniment.ledger.spool import Rejected

DatasetRef = Dataset | str
VersionRef = Version | str


class Ledger(Answers):
    """An open ledger. `Answers` has the reading half; every verb here records an event and returns when it is durable.

    `contact` says how the ledger stood to what this client knew of it when it was opened.
    """

    def __init__(self, writer: Writer, contact: Contact) -> None:
        super().__init__(writer)
        self._writer = writer
        self.contact = contact

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of files and connections."""
        self._writer.engine.close()
        if self._index is not None:
            self._index.close()

    @property
    def keys(self) -> Keys:
        """Who may write, with which keys."""
        return Keys(self._writer, self)

    def pending(self) -> list[Path]:
        """What is signed and waits in the spool; `deliver` sends it, and so does the next event that is recorded."""
        return self._writer.spool.pending()

    def rejected(self) -> list[Rejected]:
        """What waited in the spool and was refused by the ledger, with every reason."""
        return self._writer.spool.rejected()

    def deliver(self) -> None:
        """Send what waits in the spool, as far as the ledger takes it now. What it refuses is in `rejected`, with every reason."""
        self._writer.drain()

    def describe_spool(self) -> str:
        """What is to be said about the spool in one sentence; nothing where it is empty."""
        pending, rejected = len(self.pending()), len(self.rejected())
        said = [f"{pending} of your events {'waits' if pending == 1 else 'wait'} to be sent"] if pending else []
        said += [f"{rejected} {'was' if rejected == 1 else 'were'} refused by the ledger"] if rejected else []
        return f"{' and '.join(said)}: see `muniment log --pending`" if said else ""

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
        captured = self._writer.capture(path, progress)
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
        state = self.state(f"data/{captured.digest}", records.Data)
        return Dataset(
            name=name,
            digest=captured.digest,
            number=None if state is None else state.ordinal,
            files=len(captured.manifest.lines),
            bytes=captured.manifest.total_bytes,
            recorded=recorded,
        )

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

        def describe() -> dict[str, Plain]:
            listed: list[Plain] = []
            for role, given in (inputs or {}).items():
                several = [given] if isinstance(given, str | Dataset) else given
                listed += [{"role": role, "data": self.digest_of(each, "data")} for each in several]
            return {
                "model": model,
                "inputs": listed,
                "parameters": free_form(parameters or {}),
                "baseVersions": [self.digest_of(each, "version") for each in base],
                "seed": seed,
                "entryPoint": entry_point,
                "reason": reason,
            }

        return Training(self._writer, self._register, describe, strict=strict)

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
        return self._register(
            self.record,
            model,
            path,
            run=run,
            derivation=derivation,
            parents=parents,
            data=data,
            progress=progress,
            reason=reason,
            **fields,
        )

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
                "data": None if dataset is None else self.digest_of(dataset, "data"),
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
                "version": self.digest_of(version, "version"),
                "results": measured(metrics),
                "data": None if dataset is None else self.digest_of(dataset, "data"),
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
                "of": {"version": self.digest_of(version, "version"), "environment": environment},
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
        transition: Transition | None = None,
        reason: str | None = None,
        **fields: Plain,
    ) -> Recorded:
        """Record that a version begins to serve. Finds and cites the approvals and evaluations itself.

        `name` defaults to the model's name, `transition` to `promote` where another version runs there, else `start`.
        Raises PolicyViolation with every reason where the rules refuse it.
        """
        drafted = self.draft_deployment(version, environment, name=name, transition=transition, reason=reason, **fields)
        return self.record("deployment.changed", drafted)

    def draft_deployment(
        self,
        version: VersionRef,
        environment: str,
        *,
        name: str | None = None,
        transition: Transition | None = None,
        **fields: Plain,
    ) -> dict[str, Plain]:
        """The fields of a `deployment.changed`, for `record` or `judge`: what is replaced, and everything that can be cited."""
        digest = self.digest_of(version, "version")
        called = name or self._model_of(digest)
        running = self.running(environment, called)
        replaced = running.version if running and running.version != digest and transition not in ("scale", "stop") else None
        return {
            "transition": transition or ("promote" if replaced else "start"),
            "environment": environment,
            "name": called,
            "version": digest,
            "replaces": replaced,
            "approvals": self.open_approvals(digest, environment),
            "evaluations": self.evaluations_of(digest),
            **fields,
        }

    def rollback(self, deployment: str, *, to: VersionRef | None = None, reason: str | None = None) -> Recorded:
        """Go back to an earlier version of a deployment (`environment/name`): to `to`, or to the one before."""
        return self.record("deployment.changed", self.draft_rollback(deployment, to=to, reason=reason))

    def draft_rollback(self, deployment: str, *, to: VersionRef | None = None, **fields: Plain) -> dict[str, Plain]:
        """The fields of a rollback, for `record` or `judge`. Raises NotFound where nothing ran there before."""
        environment, _, name = deployment.partition("/")
        if not name:
            raise InvalidInput(
                f"{deployment!r} is no deployment", code="bad-deployment", hint="Write it like production/credit-risk."
            )
        target = to or self.version_before(environment, name)
        return self.draft_deployment(target, environment, name=name, transition="rollback", **fields)

    def running(self, environment: str, name: str) -> Deployment | None:
        """What serves under a name in an environment now, if anything does."""
        state = self.state(f"deployment/{environment}/{name}", Deployment)
        return state if state is not None and state.status == "running" else None

    def digest_of(self, thing: DatasetRef | VersionRef, kind: Literal["data", "version"]) -> str:
        """The digest of a version of a data set or model. Raises NotFound, with what was perhaps meant."""
        if isinstance(thing, Dataset | Version):
            return thing.digest
        if _is_digest(thing):
            return thing
        found = self.resolve(thing, (kind,))
        if not found.digest:
            raise NotFound(f"{thing!r} has no versions yet", code=f"no-such-{kind}")
        return found.digest

    def _register(
        self,
        write: Write,
        model: str,
        path: PathLike,
        *,
        run: str | None,
        derivation: str | None = None,
        parents: Sequence[VersionRef] = (),
        data: Sequence[DatasetRef] = (),
        progress: Progress | None = None,
        **fields: Plain,
    ) -> Version:
        """Register a version; `write` records the event, or keeps it where the ledger cannot take it now."""
        captured = self._writer.capture(path, progress)
        recorded = write(
            "model.registered",
            {
                "model": model,
                "version": captured.digest,
                "omsDigest": captured.oms_digest,
                "format": captured.extension,
                "derivation": derivation or ("trained" if run else "imported"),
                "parents": [self.digest_of(each, "version") for each in parents],
                "run": run,
                "data": [self.digest_of(each, "data") for each in data],
                "grade": "observed" if run else "declared",
                **fields,
            },
        )
        state = self.state(f"version/{captured.digest}", records.Version) if recorded.sealed else None
        return Version(
            name=model,
            digest=captured.digest,
            number=None if state is None else state.ordinal,
            files=len(captured.manifest.lines),
            bytes=captured.manifest.total_bytes,
            recorded=recorded,
        )

    def _model_of(self, version: str) -> str:
        state = self.state(f"version/{version}", records.Version)
        # What was never registered has no name; the ledger will refuse it and say so.
        return version if state is None else state.model


def _is_digest(text: str) -> bool:
    return len(text) == 64 and all(character in "0123456789abcdef" for character in text)
