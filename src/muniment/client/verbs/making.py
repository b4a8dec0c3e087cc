"""What is made and measured: data sets, training runs, versions, plans, evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from muniment.capture.hashing import Progress
from muniment.client.capturing import PathLike
from muniment.client.drafting import Plain, free_form, measured
from muniment.client.things import Dataset, Plan, Recorded, Version
from muniment.client.training import Training, Write
from muniment.client.verbs.recorder import DatasetRef, Recorder, VersionRef
from muniment.core.rules import records
from muniment.errors import Unavailable


class Making(Recorder):
    """Verbs of those who build models."""

    def dataset(
        self, name: str, path: PathLike, *, reason: str | None = None, progress: Progress | None = None, **fields: Plain
    ) -> Dataset:
        """Register the files at `path` as a data set. Further fields are those of `dataset.registered`.

        The same name and bytes again give the first registration. Raises Conflict where the bytes have another name.
        """
        captured = self._writer.capture(path, progress)
        recorded = self.record_or_keep(
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
        return Dataset(
            name=name,
            digest=captured.digest,
            number=self._find_number(recorded, f"data/{captured.digest}", records.Data),
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
            self.record_or_keep,
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
        role: Literal["test", "training", "validation"] | None = None,
        reason: str | None = None,
    ) -> Plan:
        """Say what a model must reach, before it is measured; a measurement for the plan names the same data and role."""
        recorded = self.record_or_keep(
            "evaluation.planned",
            {
                "model": model,
                "metric": metric,
                "comparator": comparator,
                "threshold": threshold if isinstance(threshold, str) else float(threshold),
                "data": None if dataset is None else self.digest_of(dataset, "data"),
                "datasetRole": role,
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
        return self.record_or_keep(
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
        return Version(
            name=model,
            digest=captured.digest,
            number=self._find_number(recorded, f"version/{captured.digest}", records.Version),
            files=len(captured.manifest.lines),
            bytes=captured.manifest.total_bytes,
            recorded=recorded,
        )

    def _find_number(self, recorded: Recorded, stream: str, kind: type[records.Data | records.Version]) -> int | None:
        """Which one of its name a thing is, once it is sealed; None too where the node has gone away since: the event stands."""
        if not recorded.sealed:
            return None
        try:
            state = self.state(stream, kind)
        except Unavailable:
            return None
        return None if state is None else state.ordinal
