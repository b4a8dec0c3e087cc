"""Members of a consortium whose keys follow from their names, and the small ledger of `makers` as theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec

import makers
from muniment.core.rules.genesis import Genesis
from muniment.core.rules.members import Member, Publisher
from muniment.ledger.signers import SeedSigner

Use = Literal["cosign", "publish", "vote"]


def signer(organisation: str, use: Use, number: int = 0) -> SeedSigner:
    """A key of an organisation; `number` counts those that it has for one use."""
    return SeedSigner(hashlib.sha256(f"{organisation} {use} {number}".encode()).digest())


def member(organisation: str, number: int = 0) -> Member:
    """An organisation as a member."""
    return Member(
        organisation=organisation,
        key=signer(organisation, "vote", number).public_key.hex(),
        cosigner=signer(organisation, "cosign", number).public_key.hex(),
    )


def publisher(organisation: str, number: int = 0) -> Publisher:
    """An organisation as the publisher of the log's line."""
    return Publisher(key=signer(organisation, "publish", number).public_key.hex(), organisation=organisation)


def founding(organisations: Iterable[str], publishing: Publisher | msgspec.UnsetType = msgspec.UNSET) -> Genesis:
    """The genesis of the small ledger that belongs to these organisations; without any it is one operator's."""
    listed = tuple(member(each) for each in sorted(organisations))
    return msgspec.structs.replace(makers.founding(), members=listed, publisher=publishing)
