"""Two histories of one ledger: how they are noticed, and the file that shows them to others (docs/spec, section 11.4).

relation = check(pin, head, prove, contact=True)    # raises SplitView where the ledger contradicts what was pinned
raw = encode(split.evidence)                        # canonical JSON with both signed checkpoints
verify_evidence(decode(raw), trust)                 # anybody's check of it: a sentence, or VerificationError

kind            what both notes show                                            what is taken from whoever kept the file
same-size       the ledger signed two roots over the same number of entries     nothing
inconsistent    the larger tree begins with other entries than the smaller      nothing
tail-cut        the shown one is the same history without its last entries      that it was shown after the pinned one
rollback        the shown one has fewer entries                                 that it was shown after the pinned one
unproved        they have different sizes                                       that the ledger gave no proof between them
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec

from muniment.core.format import checkpoint, digest, encoding, merkle, note
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.format.encoding import HexDigest
from muniment.core.proof import authority
from muniment.core.proof.authority import Head
from muniment.core.proof.receipt import MAX_PROOF_HASHES, format_checkpoint
from muniment.core.proof.trust import Trust
from muniment.errors import CorruptStore, InvalidInput, MunimentError, Unavailable, VerificationError

FORMAT: Literal["urn:muniment:evidence:v1"] = "urn:muniment:evidence:v1"
MAX_EVIDENCE_BYTES = 4_194_304
STEP = 5
BEHIND = "behind"
"""The code of a node that has not come as far as what was seen of the ledger: honest, and of no use now."""

Kind = Literal["inconsistent", "rollback", "same-size", "tail-cut", "unproved"]
Relation = Literal["same", "newer", "older"]
"""A checkpoint beside a pinned one: the same, one that continues it, one that it continues."""

Prove = Callable[[int, int], Sequence[bytes]]
"""Asks a ledger for the consistency proof between two sizes."""

Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class Pin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client remembers of a ledger: the newest checkpoint that it accepted, and its signed note."""

    origin: str
    size: Annotated[int, msgspec.Meta(ge=1, le=encoding.MAX_INTEGER)]
    root: HexDigest
    note: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Two signed checkpoints of one ledger that should not both exist.

    `proof` is the consistency proof between their sizes that the ledger gave (base64 in JSON). `old_root` is the root that,
    by this proof, the larger tree has at the smaller size.
    """

    format: Literal["urn:muniment:evidence:v1"]
    kind: Kind
    pinned: str
    shown: str
    proof: Annotated[tuple[Hash, ...], msgspec.Meta(max_length=MAX_PROOF_HASHES)] = ()
    old_root: HexDigest | msgspec.UnsetType = msgspec.UNSET


class SplitView(VerificationError):
    """A ledger contradicts what it showed before. `.evidence` holds both signed checkpoints."""

    code = "split-view"
    hint = "Stop relying on this ledger, keep the evidence, and show it to the operator and to others who use the ledger."

    def __init__(self, evidence: Evidence, *, path: str = "") -> None:
        pinned, shown = _checkpoint(evidence.pinned), _checkpoint(evidence.shown)
        details = {"kind": evidence.kind, "origin": shown.origin} | ({"evidence": path} if path else {})
        super().__init__(_describe(evidence.kind, pinned, shown), step=STEP, code=f"split-view-{evidence.kind}", details=details)
        self.evidence = evidence


_read = encoding.decoder(Evidence, limit=MAX_EVIDENCE_BYTES)
_read_pin = encoding.decoder(Pin, limit=MAX_EVIDENCE_BYTES)


def encode(evidence: Evidence) -> bytes:
    """The evidence file: canonical JSON and a newline."""
    return encoding.encode_struct(evidence) + b"\n"


def decode(raw: bytes) -> Evidence:
    """Read an evidence file; every failure is InvalidInput. What it claims is for `verify_evidence`."""
    if not raw.endswith(b"\n"):
        raise InvalidInput("the evidence file does not end with a newline", code="not-canonical")
    evidence = _read(raw[:-1])
    for text in (evidence.pinned, evidence.shown):
        _check_note(text)
    return evidence


def pin(head: Head) -> Pin:
    """What to remember of an accepted checkpoint. Raises VerificationError (step 8) where it cannot end at a header."""
    found = head.checkpoint
    if not 1 <= found.size <= encoding.MAX_INTEGER:
        raise VerificationError(f"a ledger cannot have {found.size} entries", step=8, code="checkpoint-size")
    return Pin(origin=found.origin, size=found.size, root=found.root.hex(), note=head.note.decode())


def encode_pin(pinned: Pin) -> bytes:
    """The file of a pin: canonical JSON and a newline."""
    return encoding.encode_struct(pinned) + b"\n"


def decode_pin(raw: bytes) -> Pin:
    """Read the file of a pin, whose note must say what the pin says; every failure is InvalidInput."""
    if not raw.endswith(b"\n"):
        raise InvalidInput("the pin does not end with a newline", code="not-canonical")
    pinned = _read_pin(raw[:-1])
    _check_note(pinned.note)
    found = _checkpoint(pinned.note)
    if (pinned.origin, pinned.size, pinned.root) != (found.origin, found.size, found.root.hex()):
        raise InvalidInput("the pin says something else than its own checkpoint", code="pin-note")
    return pinned


def check(pinned: Pin, head: Head, prove: Prove | None, *, contact: bool) -> Relation:
    """Compare an opened checkpoint with the pinned one (step 5).

    With `contact` the ledger itself showed it now, and an older state is a rollback; a file may well be older. What a quorum of
    validators voted for was the newest block once: whoever shows it again has not caught up, and accuses nobody.

    Raises SplitView; VerificationError (`consistency-missing`) where the sizes differ and nobody can be asked for a proof;
    Unavailable (`behind`) for an older state that was voted for; Unavailable or CorruptStore where the ledger cannot answer now.
    """
    before, now = Checkpoint(pinned.origin, pinned.size, bytes.fromhex(pinned.root)), head.checkpoint
    if before.origin != now.origin:
        raise VerificationError(f"{before.origin} is pinned, this is {now.origin}", step=2, code="origin")
    shown = head.note.decode()
    if before.size == now.size:
        if before.root != now.root:
            raise SplitView(_evidence("same-size", pinned.note, shown))
        return "same"
    old, new = sorted((before, now), key=lambda each: each.size)
    older = now.size < before.size
    if prove is None and not (older and contact):
        raise VerificationError(
            f"nothing shows that the checkpoints of {old.size} and {new.size} entries belong to one history",
            step=STEP,
            code="consistency-missing",
            hint="Verify where the ledger can be asked, or leave the pinned checkpoint out and be told so.",
        )
    proof = _ask(prove, old.size, new.size, cut=older and contact)
    if _is_consistent(old, new, proof):
        if older and contact:
            raise _cut(pinned, head, "tail-cut", proof)
        return "older" if older else "newer"
    old_root = _find_root(prove, old.size, new, proof)
    if old_root is not None and old_root != old.root:
        raise SplitView(_evidence("inconsistent", pinned.note, shown, proof, old_root))
    if older and contact:
        raise _cut(pinned, head, "rollback")
    raise SplitView(_evidence("unproved", pinned.note, shown, proof))


def verify_evidence(evidence: Evidence, trust: Trust) -> str:
    """Check an evidence file and say in plain words what it shows and what it leaves to its keeper's word.

    Raises VerificationError: steps 2 to 4 where a note is not the ledger's, step 5 `evidence` where they do not contradict
    each other as claimed.
    """
    heads = [authority.open_voiced(_check_note(each), trust) for each in (evidence.pinned, evidence.shown)]
    pinned, shown = [each.checkpoint for each in heads]
    old, new = sorted((pinned, shown), key=lambda each: each.size)
    older = shown.size < pinned.size
    if evidence.kind == "same-size":
        holds = old.size == new.size and old.root != new.root
    elif evidence.kind == "inconsistent":
        other = b"" if evidence.old_root is msgspec.UNSET else bytes.fromhex(evidence.old_root)
        holds = old.size < new.size and other != old.root and _leads_to(other, old.size, new, evidence.proof)
    elif evidence.kind == "tail-cut":
        holds = older and _is_consistent(old, new, evidence.proof)
    elif evidence.kind == "rollback":
        holds = older
    else:
        holds = old.size < new.size and not _is_consistent(old, new, evidence.proof)
    if not holds:
        raise VerificationError(
            f"the two checkpoints in this file do not show what it claims ({evidence.kind})",
            step=STEP,
            code="evidence",
            hint="Do not accuse anybody on the strength of this file.",
        )
    if not all(_is_whole(each) for each in heads):
        return _tell_members(heads[0], heads[1], evidence.kind)
    return f"{_capital(_describe(evidence.kind, pinned, shown))}. {_WEIGHT[evidence.kind]}"


_SIGNED = "Both checkpoints carry the ledger's signature"
_WORD = f"{_SIGNED}. That the shorter one was shown later is the word of whoever kept this file."
_WEIGHT: Mapping[Kind, str] = MappingProxyType(
    {
        "same-size": f"{_SIGNED}, so this file proves it by itself.",
        "inconsistent": f"{_SIGNED} and the proof shows the difference, so this file proves it by itself.",
        "tail-cut": _WORD,
        "rollback": _WORD,
        "unproved": f"{_SIGNED}. Ask the operator for a consistency proof between them: without one they are two histories.",
    }
)


def _describe(kind: Kind, pinned: Checkpoint, shown: Checkpoint) -> str:
    missing = pinned.size - shown.size
    if kind == "same-size":
        return (
            f"the ledger {shown.origin} signed two histories of the same {shown.size} entries: "
            f"{digest.short(pinned.root.hex())} and {digest.short(shown.root.hex())}"
        )
    if kind == "inconsistent":
        small, large = sorted((pinned.size, shown.size))
        return (
            f"the ledger {shown.origin} signed {large} entries that do not continue the {small} that it signed as well: "
            f"one of the first {small} was changed, removed or moved"
        )
    if kind == "unproved":
        return f"the ledger {shown.origin} does not show that {shown.size} entries and {pinned.size} entries are one history"
    same = "the same history without its last" if kind == "tail-cut" else "an older state; gone are the last"
    noun = "entry" if missing == 1 else f"{missing} entries"
    return f"the ledger {shown.origin} had {pinned.size} entries and now shows {shown.size}: {same} {noun}"


def _cut(pinned: Pin, head: Head, kind: Kind, proof: tuple[bytes, ...] = ()) -> SplitView | Unavailable:
    """What is said of a state that is older than the pinned one."""
    if head.tier != "consortium":
        return SplitView(_evidence(kind, pinned.note, head.note.decode(), proof))
    return Unavailable(
        f"the node is behind: it shows {head.checkpoint.size} entries, and {pinned.size} were seen",
        code=BEHIND,
        hint="It is catching up; ask again in a moment, or ask another node.",
        retry_after=1.0,
    )


def _is_whole(head: Head) -> bool:
    """Does the ledger itself stand behind a checkpoint, by its own key or by a quorum of its members?"""
    return head.signed or head.tier == "consortium"


def _tell_members(pinned: Head, shown: Head, kind: Kind) -> str:
    """Two histories of which members signed one each: whoever signed without a quorum is alone."""
    sizes = pinned.checkpoint.size, shown.checkpoint.size
    what = f"over the same {sizes[0]} entries" if kind == "same-size" else f"of {sizes[0]} and {sizes[1]} entries"
    who = f"{_tell_voices(pinned)} the one, {_tell_voices(shown)} the other"
    said = f"Members of {shown.checkpoint.origin} signed two histories {what}: {who}."
    alone = [each for each in (pinned, shown) if not _is_whole(each)]
    if len(alone) == 1:
        return f"{said} Only the {'second' if alone[0] is shown else 'first'} has no quorum behind it."
    return f"{said} Neither has a quorum behind it."


def _tell_voices(head: Head) -> str:
    names = [each.organisation for each in head.voices]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) or "the ledger's own key"


def _ask(prove: Prove | None, old: int, new: int, *, cut: bool = False) -> tuple[bytes, ...]:
    """The proof that a ledger gives, or none where it has none. What hinders it now (Unavailable) accuses nobody.

    A ledger that was cut down is asked for what it no longer has: whatever it fails with then, there is no proof.
    """
    if prove is None:
        return ()
    try:
        proof = tuple(prove(old, new))
    except (MunimentError, LookupError) as error:
        if isinstance(error, Unavailable) or (isinstance(error, CorruptStore) and not cut):
            raise
        return ()
    return proof if len(proof) <= MAX_PROOF_HASHES and all(len(hash_) == 32 for hash_ in proof) else ()


def _find_root(prove: Prove | None, size: int, new: Checkpoint, proof: tuple[bytes, ...]) -> bytes | None:
    """The root that the larger tree has at the smaller size, if the proof leads from it to the larger root.

    A proof from a power of two does not hold that root, but the one up to this size from one entry less leads to it.
    """
    other = merkle.EMPTY
    if size & (size - 1) == 0:
        if size < 4:
            return None
        try:
            other = merkle.fold_consistency(size - 1, size, _ask(prove, size - 1, size), other)[1]
        except VerificationError:
            return None
    else:
        try:
            other = merkle.fold_consistency(size, new.size, proof, other)[0]
        except VerificationError:
            return None
    return other if _leads_to(other, size, new, proof) else None


def _leads_to(other: bytes, size: int, new: Checkpoint, proof: Sequence[bytes]) -> bool:
    """Does the larger tree have the root `other` at the smaller size?"""
    try:
        merkle.check_consistency(size, new.size, proof, other, new.root)
    except (VerificationError, InvalidInput):
        return False
    return True


def _is_consistent(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> bool:
    return _leads_to(old.root, old.size, new, proof)


def _evidence(kind: Kind, pinned: str, shown: str, proof: tuple[bytes, ...] = (), old_root: bytes | None = None) -> Evidence:
    root = msgspec.UNSET if old_root is None else old_root.hex()
    return Evidence(format=FORMAT, kind=kind, pinned=pinned, shown=shown, proof=proof, old_root=root)


def _checkpoint(text: str) -> Checkpoint:
    return checkpoint.parse(note.parse(text.encode()).text)


def _check_note(text: str) -> bytes:
    """The bytes of a note that stands in JSON. Raises InvalidInput."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("a checkpoint is not valid Unicode text", code="not-unicode") from None
    format_checkpoint(raw)
    return raw


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
