"""Files that somebody holds: what the ledger here calls them, who approved them for what, where they run; or what changed.

    known = identify(answers, "out/model")
    known.sentences[0]      # "out/model is credit-risk@2 (9f86…0a08), unchanged: all 31 files are identical."

The index finds the name by the root of the files; what is then said of it is proved from the ledger and verified.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from muniment.capture import files
from muniment.capture.hashing import Progress
from muniment.client.answers import Answers
from muniment.client.capturing import PathLike
from muniment.client.proving import Proved
from muniment.core.format import digest, manifest
from muniment.core.format.difference import Difference, sentence
from muniment.core.format.manifest import Line, Manifest
from muniment.core.proof.inquiry.ground import read_state
from muniment.core.proof.verify import Verified, VerifiedReceipt, tell_receipt
from muniment.core.rules.records import Approval, Data, Deployment, Key, Version
from muniment.errors import LedgerError, NotFound, VerificationError
from muniment.index import Query, Thing

MAX_SHOWN = 100
"""How many approvals and deployments are looked at, the newest ones."""

_DECIDED = {"approve": "Approved", "conditional": "Approved on conditions", "reject": "Rejected"}


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Files that are registered as they are. `state` was proved and verified; `sentences` tell it."""

    thing: Thing
    title: str
    files: int
    registered: Verified
    state: Verified
    sentences: tuple[str, ...]


MAX_NEWEST = 100
_REGISTRATIONS = ("dataset.registered", "model.registered")


class _Near(NamedTuple):
    """A registered thing whose list of files resembles the one at hand: the greater the rank, the more alike."""

    rank: tuple[int, int, int, int]
    thing: Thing
    listed: Manifest


def identify(answers: Answers, path: PathLike, now: str, progress: Progress | None = None) -> Known:
    """Hash the files at `path` and say what they are. `now` (our form of time) tells which approvals have expired.

    Raises VerificationError (step 12, `subject`) where they differ from something registered, naming each file that does;
    NotFound (`not-registered`) where nothing registered resembles them; CaptureError.
    """
    found = files.read(path, progress=progress).manifest
    root = digest.format(manifest.root(found))
    thing = _find(answers.index, root)
    if thing is not None:
        name = f"{thing.title()} ({digest.short(root)})"
        said = f"{path} is {name}, unchanged: {sentence(manifest.compare(found, found))}."
        return _describe(answers, thing, said, len(found.lines), now)
    nearest = max(_resembling(answers, found), default=None, key=lambda near: near.rank)
    if nearest is None:
        raise NotFound(
            f"nothing with the bytes of {path} is registered in {answers.origin} (root {digest.short(root)})",
            code="not-registered",
            hint="Register it with `muniment register` or `muniment dataset`, or ask the ledger in which it is registered.",
            details={"root": root},
        )
    listed = _excerpt(nearest.listed, found)
    difference = manifest.compare(listed, found)
    if difference.is_empty:
        thing, count = nearest.thing, len(nearest.listed.lines)
        name = f"{thing.title()} ({digest.short(thing.digest or '')})"
        return _describe(answers, thing, f"{path} is one of the {count} files of {name}, unchanged.", 1, now)
    told = sentence(difference) if listed is nearest.listed else f"{found.lines[0].path} changed"
    raise _differs(Path(path), nearest.thing, difference, told, root)


def _describe(answers: Answers, thing: Thing, said: str, count: int, now: str) -> Known:
    """What is proved of a registered thing, told; `said` is the first sentence."""
    registered = answers.prove(f"entry/{thing.index}")
    state = answers.prove_state(*_streams(answers, thing))
    about = _tell_version(state.verified, str(thing.stream), now) if thing.kind == "version" else _tell_data(state.verified)
    return Known(
        thing=thing,
        title=thing.title(),
        files=count,
        registered=registered.verified,
        state=state.verified,
        sentences=(said, *_tell_registration(registered), *about, *_tell_weight(state.verified)),
    )


def _find(index: Query, root: str) -> Thing | None:
    """The version or data set that is registered under a root."""
    for kind in ("version", "data"):
        try:
            return index.resolve(f"{kind}/{root}")
        except NotFound:
            continue
    return None


def _streams(answers: Answers, thing: Thing) -> list[str]:
    """What is to be proved about a thing: itself, the decisions about it, and the deployments that run it."""
    streams = [str(thing.stream)]
    if thing.kind == "version" and thing.digest is not None:
        approvals = [f"approval/{row.event_id}" for row in answers.index.approvals(thing.digest)[-MAX_SHOWN:]]
        states = [answers.state(each, Approval) for each in approvals]
        streams += [*approvals, *{f"key/{state.keyid}" for state in states if state is not None}]
        running = [row for row in answers.deployments() if row.version == thing.digest]
        streams += [f"deployment/{row.environment}/{row.name}" for row in running[-MAX_SHOWN:]]
    return streams


def _tell_registration(proved: Proved) -> Iterator[str]:
    for said in proved.verified.said:
        if said.event in ("model.registered", "dataset.registered") and said.block is not msgspec.UNSET:
            sealed = f"sealed at {said.block.time} (header time, the operator's claim)"
            yield f"Registered by {said.actor} in entry {said.index}, {sealed}."


def _tell_version(verified: Verified, stream: str, now: str) -> Iterator[str]:
    decided, running, version = [], [], None
    disputed: dict[str, int | msgspec.UnsetType] = {}
    for shown in verified.states:
        if shown.record is msgspec.UNSET:
            continue
        kind, _, name = shown.stream.partition("/")
        if kind == "version":
            version = read_state(shown.record, Version, shown.stream)
        elif kind == "approval":
            decided.append(read_state(shown.record, Approval, shown.stream))
        elif kind == "key":
            disputed[name] = read_state(shown.record, Key, shown.stream).disputed_from
        elif kind == "deployment":
            deployment = read_state(shown.record, Deployment, shown.stream)
            if deployment.status == "running" and stream == f"version/{deployment.version}":
                running.append(f"{name} since entry {deployment.since}")
    decided.sort(key=lambda each: each.index)
    for approval in decided:
        yield _tell_decision(approval, disputed.get(approval.keyid, msgspec.UNSET), now)
    if not decided:
        yield "Nothing here shows a decision about it: it is approved for nothing."
    # The index named these places; how many there are, and what is rejected, the version's own record says.
    unnamed = 0 if version is None else version.running - len(running)
    if unnamed > 0:
        running.append(f"{unnamed} {'place' if unnamed == 1 else 'places'} that the index here does not name")
    yield f"It runs in {', '.join(running)}." if running else "It runs nowhere now."
    for each in () if version is None else version.rejected:
        yield f"For {each.environment} it has {each.count} open {'rejection' if each.count == 1 else 'rejections'}."
    if version is not None and version.holds:
        yield f"It is held by {version.holds} open {'incident' if version.holds == 1 else 'incidents'}."
    if version is not None and version.status != "registered":
        yield f"It is {version.status}."


def _tell_decision(approval: Approval, disputed: int | msgspec.UnsetType, now: str) -> str:
    persons = ", ".join(approval.persons) or "nobody"
    roles = f" ({', '.join(approval.roles)})" if approval.roles else ""
    if approval.status != "open":
        since = f"; {approval.status} since"
    elif approval.expires is not msgspec.UNSET and approval.expires <= now:
        since = f"; expired {approval.expires}"
    elif disputed is not msgspec.UNSET and disputed <= approval.index:
        since = f"; disputed: others may have held its key since entry {disputed}"
    else:
        since = ""
    where = "" if approval.environment is msgspec.UNSET else f" for {approval.environment}"
    return f"{_DECIDED.get(approval.decision, approval.decision)}{where} by {persons}{roles} in entry {approval.index}{since}."


def _tell_data(verified: Verified) -> Iterator[str]:
    for shown in verified.states:
        if shown.record is msgspec.UNSET:
            continue
        data = read_state(shown.record, Data, shown.stream)
        licence = "no licence is recorded" if data.licence is msgspec.UNSET else f"licence {data.licence}"
        purposes = f"for {', '.join(data.purposes)}" if data.purposes else "no purpose is recorded"
        personal = "" if data.personal_data is msgspec.UNSET else f"; personal data: {data.personal_data}"
        yield f"Terms: {licence}; {purposes}{personal}."
        if data.withdrawn is not msgspec.UNSET:
            yield f"It was withdrawn by entry {data.withdrawn}: do not use it."


def _tell_weight(verified: Verified) -> Iterator[str]:
    """As of when, on whose word, and the sentences of any receipt under the same checkpoint."""
    ground, clock = verified.ground, verified.clocks[0]
    word = ", the operator's word" if ground.basis == "asserted" else ""
    yield f"All of this is as of block {verified.head.height}, {clock.time} ({clock.whose})."
    yield f"State basis: {ground.basis}{word}."
    yield from tell_receipt(VerifiedReceipt(ground=ground, index=verified.head.index, included=True, clocks=()))[1:]


def _differs(path: Path, thing: Thing, difference: Difference, told: str, root: str) -> VerificationError:
    """The error for files that are not the registered ones; `told` says which of them differ."""
    title = thing.title()
    return VerificationError(
        f"{path} is not {title} ({digest.short(thing.digest or '')}) as it was registered: {told}",
        step=12,
        code="subject",
        hint=f"Do not use it as {title}. If it was changed on purpose, register it as a new version.",
        details={
            "found": root,
            "recorded": thing.digest or "",
            "thing": title,
            "changed": list(difference.changed),
            "added": list(difference.added),
            "removed": list(difference.removed),
        },
    )


def _resembling(answers: Answers, found: Manifest) -> Iterator[_Near]:
    """The registered things that share a file or all of their names with these, as far as lists of files are held.

    All lists that lie on this machine are looked through, and those of the newest registrations wherever they lie.
    """
    lines = {line.path: line.sha256 for line in found.lines}
    digests = set(lines.values())
    index = answers.index
    newest = [row.digest for row in index.events(names=_REGISTRATIONS, limit=MAX_NEWEST) if row.digest]
    for root in dict.fromkeys((*answers.manifests.digests(), *newest)):
        try:
            whole = manifest.decode(answers.manifests.load(root))
        except LedgerError:
            # A list that is not held or damaged names nothing; `fsck` names it.
            continue
        listed = {line.path: line.sha256 for line in _excerpt(whole, found).lines}
        same = sum(lines.get(path) == sha256 for path, sha256 in listed.items())
        shared = len(digests & set(listed.values()))
        paths = len(lines.keys() & listed.keys())
        thing = _find(index, root) if shared or paths == len(lines) == len(listed) else None
        if thing is not None:
            yield _Near((same, shared, paths, thing.index), thing, whole)


def _excerpt(listed: Manifest, found: Manifest) -> Manifest:
    """For a single file: what a longer list says about a file of its name, wherever it lies; else the whole list."""
    if len(found.lines) > 1 or len(listed.lines) == 1:
        return listed
    file = found.lines[0]
    namesakes = [line for line in listed.lines if line.path.rpartition("/")[2] == file.path]
    best = next((line for line in namesakes if line.sha256 == file.sha256), namesakes[0] if namesakes else None)
    return listed if best is None else Manifest((Line(file.path, best.sha256, best.size),))
