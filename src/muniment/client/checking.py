"""Verification of whatever somebody was handed: what it is is told by its content, never by its name.

    checked = muniment.verify("answer.json")
    for sentence in checked.sentences: print(sentence)

A ledger (its folder or its one file), exported tiles, a signed checkpoint, an answer, a receipt, a bundle, an evidence file;
everything else is files, which are looked up in the ledger here. What fails raises, with the number of the step that failed;
what cannot be checked for want of something is said in `missing`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict

import msgspec

from muniment import config
from muniment.capture.files import read as read_files
from muniment.capture.hashing import Progress
from muniment.client import auditing, comparing, recognising, standpoint
from muniment.client.answers import Answers
from muniment.client.auditing import Manner, Sound
from muniment.client.comparing import Known
from muniment.client.recognising import Kind
from muniment.client.standpoint import Standpoint, lead
from muniment.client.things import in_html
from muniment.core.format import checkpoint, note, time
from muniment.core.format.digest import short
from muniment.core.format.manifest import Manifest
from muniment.core.proof import answer as answers
from muniment.core.proof import bundle as bundles
from muniment.core.proof import evidence as evidences
from muniment.core.proof import receipt as receipts
from muniment.core.proof.authority import Tier
from muniment.core.proof.evidence import Evidence, Pin, Prove
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import (
    UNSET,
    Ground,
    Verified,
    VerifiedBundle,
    VerifiedReceipt,
    tell,
    tell_bundle,
    tell_receipt,
    tell_standing,
    verify_answer,
    verify_bundle,
    verify_receipt,
)
from muniment.core.proof.verify.freshness import check_freshness, read_clocks
from muniment.core.proof.verify.ground import Terms, open_ground
from muniment.errors import InvalidInput, NotFound, Unavailable, VerificationError
from muniment.ledger import prover
from muniment.ledger.embedded import system_clock

PathLike = str | os.PathLike[str]
Counting = Callable[[int, int], None]
ATTEMPTS = 5
BEYOND = "Rows of the file that only repeat this history (tiles, records) are for `muniment fsck`."

Found = Verified | VerifiedReceipt | VerifiedBundle | Evidence | Ground | Sound | Known


class _Named(TypedDict):
    pin: Pin | None
    consistency: Prove | None
    now: str | None
    max_age: int | None
    tier: Tier | None


class Checked(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Something that held. `sentences` tell it, the answer first; `found` is the same as values.

    `missing` says what was not at hand and therefore not checked; empty where everything was.
    """

    kind: Kind
    name: str
    sentences: tuple[str, ...]
    missing: str = ""
    found: Found

    def _repr_html_(self) -> str:
        return in_html((*self.sentences, *([self.missing] if self.missing else ())))


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for besides the thing itself; the fields are the arguments of `verify`."""

    entry: bytes | None = None
    files: PathLike | None = None
    max_age: int | None = None
    tier: Tier | None = None
    manner: Manner = Manner()
    hashing: Progress | None = None
    counting: Counting | None = None


def verify(
    target: PathLike | bytes,
    *,
    trust: Trust | PathLike | None = None,
    home: PathLike | None = None,
    entry: bytes | None = None,
    files: PathLike | None = None,
    max_age: int | None = None,
    tier: Tier | None = None,
    replay: bool = True,
    processes: int | None = None,
) -> Checked:
    """Verify a path, or the bytes of a file, against a trust file: `trust`, else the one of the ledger here (or in `home`).

    entry: the bytes of the entry that a receipt is about, where no ledger here has it
    files: the files that an answer is about, to be hashed and compared
    max_age: the greatest age in seconds of the checkpoint; tier: the least trust tier that is enough
    replay, processes: for a whole ledger, whether its state is run again, and by how many processes

    Raises VerificationError (SplitView among them) with the number of the step, NotFound (`no-trust`, `not-registered`),
    InvalidInput for arguments that make no sense, Unavailable for what cannot be read now.
    """
    flags = {
        "home": None if home is None else os.fspath(home),
        "trust": None if trust is None or isinstance(trust, Trust) else os.fspath(trust),
    }
    settings = config.resolve(os.environ, Path.cwd(), flags)
    stand = standpoint.take(settings, trust if isinstance(trust, Trust) else None)
    manner = Manner(replay=replay, processes=processes)
    return check(target, stand, Wanted(entry=entry, files=files, max_age=max_age, tier=tier, manner=manner))


def check(target: PathLike | bytes, stand: Standpoint, wanted: Wanted) -> Checked:
    """Verify from a standpoint. Raises as `verify`."""
    if isinstance(target, bytes):
        return _check_bytes(target, recognising.recognise_bytes(target), "what you gave", stand, wanted)
    place = Path(target)
    kind, place = recognising.recognise(place)
    if kind in ("ledger", "tiles"):
        audit = auditing.audit_ledger if kind == "ledger" else auditing.audit_tiles
        sound = audit(stand, place, _terms(wanted), wanted.manner, wanted.counting)
        what = f"The ledger in {place}" if kind == "ledger" else f"What the tiles in {place} hold"
        rest = (BEYOND,) if kind == "ledger" else ()
        return Checked(kind=kind, name=str(place), sentences=(*auditing.tell_sound(sound, what), *rest), found=sound)
    if kind == "files":
        return _check_files(place, stand, wanted)
    return _check_bytes(place.read_bytes(), kind, str(place), stand, wanted)


def _check_bytes(raw: bytes, kind: Kind, name: str, stand: Standpoint, wanted: Wanted) -> Checked:
    if kind not in _CHECKS:
        raise InvalidInput(
            f"{name} is none of the files that Muniment writes",
            code="unknown-file",
            hint="Give an answer, a receipt, a bundle, a checkpoint or an evidence file; files are looked up by their path.",
        )
    try:
        return _CHECKS[kind](raw, name, stand, wanted)
    except InvalidInput as error:
        if error.code in _ARGUMENTS:
            raise
        raise VerificationError(
            f"{name} is not a whole {kind}: {error}",
            step=1,
            code=error.code,
            hint="It was changed or cut off on its way: ask for it once more.",
            details=error.details,
        ) from None


def _check_answer(raw: bytes, name: str, stand: Standpoint, wanted: Wanted) -> Checked:
    size = _read_size(receipts.parse(answers.decode(raw).receipt).checkpoint)
    subject = _hash(wanted)
    with stand.ask(size) as (pin, prove):
        terms = _terms(wanted)
        verify = partial(verify_answer, raw, stand.trust, subject=subject, **_name(terms, pin, prove))
        verified = lead(stand, lambda path: verify(path=path))
    return Checked(kind="answer", name=name, sentences=tell(verified), found=verified)


def _check_receipt(raw: bytes, name: str, stand: Standpoint, wanted: Wanted) -> Checked:
    text = _decode(raw)
    receipt = receipts.parse(text)
    size = _read_size(receipt.checkpoint)
    entry = wanted.entry
    if entry is None:
        with stand.meet() as view:
            entry = view.entry(receipt.index) if view is not None and receipt.index < view.size else None
    with stand.ask(size) as (pin, prove):
        terms = _terms(wanted)
        verify = partial(verify_receipt, text, stand.trust, entry=entry, **_name(terms, pin, prove))
        verified = lead(stand, lambda path: verify(path=path))
    missing = "" if verified.included else f"Entry {receipt.index} is not at hand: give it with --entry FILE."
    sentences = (*tell_receipt(verified), *_ask_standing(receipt.index, verified, stand))
    return Checked(kind="receipt", name=name, sentences=sentences, missing=missing, found=verified)


def _ask_standing(index: int, verified: VerifiedReceipt, stand: Standpoint) -> Iterator[str]:
    """How the key of an entry stands by now, which no receipt can say: from a proof by the ledger here, if there is one."""
    if verified.said is UNSET:
        return
    for _ in range(ATTEMPTS):
        try:
            with stand.meet() as view:
                if view is None or index >= view.size:
                    return
                proved = verify_answer(answers.encode(prover.prove_entry(view, index)), stand.trust, tier="solo")
            break
        except Unavailable as error:
            # A node proves under its newest block, and the next one came meanwhile.
            if error.code != "moved":
                raise
    else:
        # The receipt holds whatever is said of its key by now.
        return
    for said in proved.said:
        if said.index == index and said.signer is not UNSET:
            yield f"By the newest block of the ledger here: signed by {tell_standing(said.signer)}."


def _check_bundle(raw: bytes, name: str, stand: Standpoint, wanted: Wanted) -> Checked:
    newest = max(bundles.read_size(each.note) for each in bundles.decode(raw).checkpoints)
    with stand.ask(newest) as (pin, prove):
        terms = _terms(wanted)
        # Parts of a bundle may lie under older checkpoints than the pin, which only a ledger can show to be one history.
        pin = pin if prove is not None else None
        verify = partial(verify_bundle, raw, stand.trust, **_name(terms, pin, prove))
        verified = lead(stand, lambda path: verify(path=path))
    return Checked(kind="bundle", name=name, sentences=tell_bundle(verified), found=verified)


def _check_evidence(raw: bytes, name: str, stand: Standpoint, wanted: Wanted) -> Checked:
    found = evidences.decode(raw)
    said = evidences.verify_evidence(found, stand.trust)
    return Checked(kind="evidence", name=name, sentences=("This evidence holds.", said), found=found)


def _check_checkpoint(raw: bytes, name: str, stand: Standpoint, wanted: Wanted) -> Checked:
    """A signed checkpoint by itself: whose it is, and whether it is of the history that this client knows."""
    terms = _terms(wanted)
    with stand.ask(_read_size(raw)) as (pin, prove):
        asked = Terms(pin, prove, terms.now, terms.max_age, terms.tier)
        head, ground = lead(stand, lambda path: open_ground(raw, stand.trust, msgspec.structs.replace(asked, path=path)))
    clocks = read_clocks(head, None)
    check_freshness(clocks, terms.now, terms.max_age)
    under = VerifiedReceipt(ground=ground, index=ground.size - 1, included=True, clocks=clocks)
    first = f"The checkpoint of {ground.origin} with {ground.size} entries is genuine; its root is {short(ground.root)}."
    return Checked(kind="checkpoint", name=name, sentences=(first, *tell_receipt(under)[1:]), found=ground)


def _check_files(path: Path, stand: Standpoint, wanted: Wanted) -> Checked:
    if stand.settings is None and not stand.home.store.exists():
        raise NotFound(
            f"{path} can only be looked up in a ledger, and there is none at {stand.home.folder}",
            code="no-ledger",
            hint="Name the ledger's folder with --home, or compare them with an answer: muniment verify ANSWER --files PATH.",
        )
    writer = stand.open_ledger()
    try:
        known = comparing.identify(Answers(writer), path, time.format(system_clock()), wanted.hashing)
    finally:
        writer.engine.close()
    return Checked(kind="files", name=str(path), sentences=known.sentences, found=known)


def _terms(wanted: Wanted) -> Terms:
    return Terms(now=time.format(system_clock()), max_age=wanted.max_age, tier=wanted.tier)


def _name(terms: Terms, pin: Pin | None, prove: Prove | None) -> _Named:
    """The terms as the arguments of a verification."""
    return {"pin": pin, "consistency": prove, "now": terms.now, "max_age": terms.max_age, "tier": terms.tier}


def _hash(wanted: Wanted) -> Manifest | None:
    return None if wanted.files is None else read_files(wanted.files, progress=wanted.hashing).manifest


def _read_size(raw: bytes) -> int:
    return checkpoint.parse(note.parse(raw).text).size


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidInput("it is not UTF-8 text", code="not-unicode") from None


_Check = Callable[[bytes, str, Standpoint, Wanted], Checked]
_CHECKS: Mapping[Kind, _Check] = MappingProxyType(
    {
        "answer": _check_answer,
        "receipt": _check_receipt,
        "bundle": _check_bundle,
        "evidence": _check_evidence,
        "checkpoint": _check_checkpoint,
    }
)
# What is wrong with these is the caller's argument and not the file.
_ARGUMENTS = frozenset({"bad-leaf", "no-clock"})
