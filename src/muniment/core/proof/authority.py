"""Who stands behind a checkpoint: steps 2, 3 and 4 of verification (docs/spec, section 10.5).

    head = open_head(note_bytes, trust)         # VerificationError unless the trust file's keys signed it
    head.tier, head.basis, head.voices

Cosignatures are counted by organisation: one that holds three keys is one voice. What an organisation states is the strongest
statement among its valid cosignatures, and a quorum is met only by organisations that state at least what it is counted for.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from muniment.core.format import checkpoint, note
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.proof.trust import STATEMENTS, Statement, Trust
from muniment.errors import VerificationError

Tier = Literal["solo", "witnessed", "consortium"]
"""One operator's signed log; outside parties cosign; validators decide order and state."""

TIERS: tuple[Tier, ...] = get_args(Tier)
"""From the weakest to the strongest."""

Basis = Literal["asserted", "replayed-by", "voted"]
"""Whose word the state map is: the operator's alone, of organisations that ran it again, of validators."""


_MORE = "Ask for the proof again once more organisations have cosigned."


class Voice(msgspec.Struct, frozen=True):
    """An organisation that cosigned: its strongest statement, and when by its own clock (POSIX seconds, its newest)."""

    organisation: str
    statement: Statement
    time: int


class Head(msgspec.Struct, frozen=True):
    """An opened checkpoint and who stands behind it. `quorum` organisations of the `known` ones were asked for."""

    checkpoint: Checkpoint
    note: bytes
    signed: bool
    """Whether a key of the ledger signed it. In a consortium the votes may stand in for the publisher's line."""
    voices: tuple[Voice, ...]
    quorum: int
    known: int
    tier: Tier
    basis: Basis

    @property
    def basis_by(self) -> tuple[str, ...]:
        """The organisations whose word the state is, where it is not the operator's alone."""
        if self.basis == "asserted":
            return ()
        return _stating(self.voices, "voted" if self.basis == "voted" else "replayed")

    @property
    def quorum_time(self) -> int | None:
        """The time (POSIX seconds) at or after which a whole quorum cosigned; None where none did."""
        if self.tier == "solo":
            return None
        return sorted((voice.time for voice in self.voices), reverse=True)[self.quorum - 1]


def open_head(raw: bytes, trust: Trust) -> Head:
    """Verify a signed checkpoint against a trust file.

    Raises InvalidInput for what is no checkpoint, VerificationError for another ledger's (step 2, `origin`), for one that no
    key of the ledger signed (step 3: `log-signature`, `log-key-unknown`), and for a bad cosignature (step 4, `cosignature`).
    Where organisations vote, their quorum stands in for the log's own line; too few of them are step 4, `quorum`. Whether the
    tier is enough else is for `check_tier`.
    """
    head, unsigned = _open(raw, trust)
    if unsigned is not None and not (head.voices and trust.votes):
        raise unsigned
    if unsigned is not None:
        # Somebody who is believed signed it: what lacks are others.
        check_tier(head, "consortium")
    return head


def open_voiced(raw: bytes, trust: Trust) -> Head:
    """The same for a checkpoint that accuses: where organisations vote, it speaks for each of them that signed it.

    Raises as `open_head`; a quorum is not asked for, one line of a voter is enough.
    """
    head, unsigned = _open(raw, trust)
    if unsigned is not None and not head.voices:
        raise unsigned
    return head


def _open(raw: bytes, trust: Trust) -> tuple[Head, VerificationError | None]:
    """A checkpoint and who stands behind it; and the error where no key of the ledger itself signed it."""
    parsed = note.parse(raw)
    found = checkpoint.parse(parsed.text)
    if found.origin != trust.origin:
        raise VerificationError(
            f"this is about the ledger {found.origin}, the trust file is about {trust.origin}",
            step=2,
            code="origin",
            hint="Use the trust file of the ledger that the proof is about.",
            details={"found": found.origin, "expected": trust.origin},
        )
    unsigned = None
    try:
        note.open(raw, trust.log_keys)
    except VerificationError as error:
        # A silent publisher stops nobody: where organisations vote, their quorum stands in for the log's own line.
        if error.code != "log-key-unknown" or not any(each.statement == "voted" for each in trust.cosigners):
            raise
        unsigned = error
    owners = {cosigner.verifier: cosigner for cosigner in trust.cosigners}
    voices: dict[str, Voice] = {}
    for cosignature in checkpoint.open_cosignatures(parsed, owners):
        owner = owners[cosignature.verifier]
        heard = voices.get(owner.organisation, Voice(owner.organisation, owner.statement, cosignature.time))
        strongest = max(heard.statement, owner.statement, key=STATEMENTS.index)
        voices[owner.organisation] = Voice(owner.organisation, strongest, max(heard.time, cosignature.time))
    heard_voices = tuple(voices[organisation] for organisation in sorted(voices))
    tier, basis = _weigh(heard_voices, trust.quorum)
    return Head(found, raw, unsigned is None, heard_voices, trust.quorum, len(trust.organisations), tier, basis), unsigned


def check_tier(head: Head, wanted: Tier | None) -> None:
    """Check that a checkpoint has at least a tier; None asks for what the trust file's quorum promises.

    Raises VerificationError (step 4, `quorum`).
    """
    asked = wanted or ("witnessed" if head.quorum else "solo")
    if TIERS.index(head.tier) >= TIERS.index(asked):
        return
    counted = _stating(head.voices, "voted") if asked == "consortium" else tuple(voice.organisation for voice in head.voices)
    verb = "voted for" if asked == "consortium" else "cosigned"
    raise VerificationError(
        f"{len(counted)} of {head.known} organisations {verb} this checkpoint, and {head.quorum or 'a quorum'} must have",
        step=4,
        code="quorum",
        hint=_MORE if asked == "consortium" else f"{_MORE[:-1]}, or accept one operator's word with the tier solo.",
        details={"organisations": list(counted), "tier": head.tier, "wanted": asked},
    )


def check_vote(head: Head, trust: Trust) -> None:
    """Check that a quorum voted for what a ledger shows now, where the trust file asks for one of organisations that vote.

    Outside parties that only cosign come later, so that what they promise is not asked of the newest block. Raises
    VerificationError (step 4, `quorum`).
    """
    if trust.votes:
        check_tier(head, "consortium")


def _weigh(voices: tuple[Voice, ...], quorum: int) -> tuple[Tier, Basis]:
    if not quorum or len(voices) < quorum:
        return "solo", "asserted"
    if len(_stating(voices, "voted")) >= quorum:
        return "consortium", "voted"
    return "witnessed", "replayed-by" if len(_stating(voices, "replayed")) >= quorum else "asserted"


def _stating(voices: tuple[Voice, ...], least: Statement) -> tuple[str, ...]:
    return tuple(voice.organisation for voice in voices if STATEMENTS.index(voice.statement) >= STATEMENTS.index(least))
