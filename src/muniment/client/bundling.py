"""One file about one thing, which outlives the ledger: `muniment bundle` (docs/spec, section 11.5).

    bundled = ledger.bundle("credit-risk@2", disclose=["reason"])
    bundled.save("credit-risk-2.json")

For a version: that these are all its events, its registration with the list of its files, its training run, and each of its
evaluations, approvals and deployments, with who signed it and when it was sealed. For any other thing: that these are all its
events, and each of them. Whoever holds the file needs only a trust file to verify it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from muniment.client import proving
from muniment.client.proving import Openings, least_tier
from muniment.client.things import in_html
from muniment.client.writing import Writer
from muniment.core.format import state_map
from muniment.core.proof import bundle as bundles
from muniment.core.proof.answer import Answer, EntryQuestion, StateQuestion
from muniment.core.proof.evidence import Pin
from muniment.core.proof.inquiry import HistoryQuestion
from muniment.core.proof.verify import VerifiedBundle, tell_bundle, verify_bundle
from muniment.core.proof.verify.state import DEPLOYMENT
from muniment.core.rules.records import Deployment, Run, State, Version
from muniment.errors import InvalidInput
from muniment.ledger import prover
from muniment.ledger.engine import View

S = TypeVar("S", bound=State)

MAX_EVENTS = 1_000


class Bundled(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that held when it was made: the bytes of its file, and what their verification found."""

    raw: bytes
    verified: VerifiedBundle

    @property
    def sentences(self) -> tuple[str, ...]:
        """What it shows, told to a person."""
        return tell_bundle(self.verified)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file, whole or not at all."""
        return proving.save(path, self.raw)

    def _repr_html_(self) -> str:
        return in_html(self.sentences)


class Strand(msgspec.Struct, frozen=True, kw_only=True):
    """A stream and the entries that it folds, by the index."""

    stream: str
    indices: tuple[int, ...]


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into a bundle: a stream with all its entries, further ones likewise, and streams whose state is shown."""

    stream: str
    indices: tuple[int, ...]
    further: tuple[Strand, ...] = ()
    states: tuple[str, ...] = ()

    @property
    def strands(self) -> tuple[Strand, ...]:
        """Every stream that is shown whole."""
        return (Strand(stream=self.stream, indices=self.indices), *self.further)


def bundle(writer: Writer, view: View, pin: Pin, contents: Contents, openings: Openings = False) -> Bundled:
    """Prove everything about a stream and put it into one file, verified before it is handed out.

    Raises InvalidInput (`too-many-events`, `too-long`) for a thing with more events than one file should carry.
    """
    strands = contents.strands
    entries = sorted({index for each in strands for index in (*each.indices, *_of_run(view, each.stream))})
    if len(entries) > MAX_EVENTS:
        raise InvalidInput(
            f"{len(entries)} events where a bundle holds at most {MAX_EVENTS}",
            code="too-many-events",
            hint="Prove what you need one by one: muniment prove THING, muniment history THING.",
        )
    disclose = writer.vault.find if openings else None
    hints = {each.stream: each.indices for each in strands}
    prove = partial(writer.reach.prove, view, hints=lambda stream: hints.get(stream, ()), disclose=disclose)
    drafts: list[Answer] = []
    for each in strands:
        # The history of a model holds those of its versions.
        if not any(whole.stream == each.stream for draft in drafts for whole in draft.streams):
            drafts.append(prove(HistoryQuestion(of=each.stream)))
    drafts += [prove(EntryQuestion(index=index)) for index in entries if index > 0]
    states = _states(view, contents)
    if states:
        drafts.append(prove(StateQuestion(streams=tuple(sorted(set(states))))))
    # The list of files stands once in the bundle: with the event that began the stream.
    begun = min(contents.indices, default=0)
    answers = [
        proving.complete(writer, draft, openings, with_files=draft.question == EntryQuestion(index=begun)) for draft in drafts
    ]
    made = prover.prove_bundle(view, answers, trust=writer.trust)
    raw = bundles.encode(made)
    tier = least_tier(writer.trust)
    return Bundled(raw=raw, verified=verify_bundle(raw, writer.trust, pin=pin, consistency=view.consistency, tier=tier))


def _of_run(view: View, stream: str) -> Iterable[int]:
    """The start and finish of the training run that made a version."""
    if not stream.startswith("version/"):
        return
    version = _read(view, stream, Version)
    if version is None or version.run is msgspec.UNSET:
        return
    run = _read(view, f"run/{version.run}", Run)
    if run is not None:
        yield run.start
        if run.finish is not msgspec.UNSET:
            yield run.finish


def _states(view: View, contents: Contents) -> Sequence[str]:
    """How things stand now: the deployments that were named, and the version that a deployment runs."""
    if not contents.stream.startswith(DEPLOYMENT):
        return contents.states
    deployment = _read(view, contents.stream, Deployment)
    return contents.states if deployment is None else (*contents.states, f"version/{deployment.version}")


def _read(view: View, stream: str, kind: type[S]) -> S | None:
    raw = view.record(stream)
    return None if raw is None else msgspec.json.decode(state_map.decode_record(raw).state, type=kind)
