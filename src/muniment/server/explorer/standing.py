"""How much weight a ledger's newest checkpoint has, in words that need no knowledge of its form."""

from __future__ import annotations

from types import MappingProxyType

import msgspec

from muniment.core.format import time
from muniment.core.proof import authority
from muniment.core.proof.authority import Head, Tier
from muniment.core.proof.trust import Statement, Trust
from muniment.errors import MunimentError

_SECOND = 1_000_000
_STATED: MappingProxyType[Statement, str] = MappingProxyType(
    {
        "append-only": "the ledger only grew",
        "replayed": "it ran every rule again and came to the same state",
        "voted": "it voted for order and state",
    }
)
_TOLD: MappingProxyType[Tier, str] = MappingProxyType(
    {
        "solo": "One operator signs this ledger. Whoever keeps an earlier checkpoint can show that nothing was changed since; "
        "no outside party confirms that everybody is shown the same history.",
        "witnessed": "Outside parties countersign the newest state of this ledger, so that its operator cannot show different "
        "histories to different people unnoticed.",
        "consortium": "Several organisations vote for the order and the state of this ledger; no single one of them can change it.",
    }
)


class Cosigned(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation that cosigned, what it states, and when by its own clock."""

    organisation: str
    stated: str
    time: str


class Weight(msgspec.Struct, frozen=True, kw_only=True):
    """The tier with what it means, who cosigned, how many were asked for, and the checkpoint as it is signed.

    `quorum` of the `known` organisations must cosign for more than `solo`; 0 asks for none.
    """

    tier: str
    told: str
    cosigned: tuple[Cosigned, ...]
    quorum: int
    known: int
    checkpoint: str
    root: str


def weigh(checkpoint: bytes, trust: Trust) -> Weight:
    """What stands behind a checkpoint, by the trust file of this server. It is told, not proved: a visitor has his own."""
    text = checkpoint.decode("utf-8", "backslashreplace")
    try:
        head = authority.open_head(checkpoint, trust)
    except MunimentError as error:
        told = f"The newest checkpoint does not agree with this server's trust file: {error}."
        return Weight(tier="unknown", told=told, cosigned=(), quorum=trust.quorum, known=0, checkpoint=text, root="")
    return Weight(
        tier=head.tier,
        told=_TOLD[head.tier],
        cosigned=_list_cosigned(head),
        quorum=head.quorum,
        known=head.known,
        checkpoint=text,
        root=head.checkpoint.root.hex(),
    )


def _list_cosigned(head: Head) -> tuple[Cosigned, ...]:
    return tuple(
        Cosigned(organisation=voice.organisation, stated=_STATED[voice.statement], time=time.format(voice.time * _SECOND))
        for voice in head.voices
    )
