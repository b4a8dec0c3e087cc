"""Who signed a block of the consensus engine, as its RPC tells it (`/commit`).

    commit = decode(answer)
    signers(commit, chain, members)         # the organisations whose validators signed this block, each signature verified

A block that more than a third of the members signed was signed by an honest one, where fewer than a third lie: that is what
CometBFT's own light client asks before it follows a header, and it checks all else itself.
"""

from __future__ import annotations

import base64

import msgspec

from muniment.core.format import keys, layout
from muniment.core.rules import members
from muniment.core.rules.members import Validators
from muniment.errors import InvalidInput
from muniment.node.light import vote
from muniment.node.light.vote import BlockId

_FOR_THE_BLOCK = 2
_LARGEST = (1 << 63) - 1


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One validator's: its address (40 hex), when it signed (seconds, nanoseconds), and 64 bytes."""

    address: str
    time: tuple[int, int]
    signature: bytes


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """A block's height and header hash, what its header says of the ledger after the block before, and who signed it."""

    height: int
    round: int
    block: BlockId
    app_hash: bytes
    signatures: tuple[Signature, ...]


class _Parts(msgspec.Struct):
    total: int
    hash: str


class _BlockId(msgspec.Struct):
    hash: str
    parts: _Parts


class _Signature(msgspec.Struct):
    block_id_flag: int
    validator_address: str
    timestamp: str
    signature: str | None = None


class _Commit(msgspec.Struct):
    height: str
    round: int
    block_id: _BlockId
    signatures: list[_Signature]


class _Header(msgspec.Struct):
    height: str
    app_hash: str


class _SignedHeader(msgspec.Struct):
    header: _Header
    commit: _Commit


class _Result(msgspec.Struct):
    signed_header: _SignedHeader


class _Error(msgspec.Struct):
    message: str = ""
    data: str = ""


class _Answer(msgspec.Struct):
    result: _Result | None = None
    error: _Error | None = None


def decode(raw: bytes) -> Commit:
    """Read the answer to `commit`. Raises InvalidInput: `no-commit` where the engine has none, `bad-commit` for another form."""
    try:
        answer = msgspec.json.decode(raw, type=_Answer)
        if answer.result is None:
            said = answer.error.data or answer.error.message if answer.error else "nothing"
            raise InvalidInput(f"the engine says: {said[:200]}", code="no-commit", hint="Ask for another height.")
        signed = answer.result.signed_header
        commit, named = signed.commit, signed.commit.block_id
        if signed.header.height != commit.height:
            raise ValueError("the header is of another height")
        if not 0 <= commit.round <= _LARGEST:
            raise ValueError("it names no round")
        return Commit(
            height=_number(commit.height),
            round=commit.round,
            block=BlockId(hash=bytes.fromhex(named.hash), parts=named.parts.total, parts_hash=bytes.fromhex(named.parts.hash)),
            app_hash=bytes.fromhex(signed.header.app_hash),
            signatures=tuple([_read_signature(each) for each in commit.signatures if each.block_id_flag == _FOR_THE_BLOCK]),
        )
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidInput(f"the engine's commit cannot be read: {error}", code="bad-commit") from None


def signers(commit: Commit, chain: str, validators: Validators) -> tuple[str, ...]:
    """The organisations whose keys signed this block; a signature that does not verify counts for nobody."""
    named = {members.address(each.key): each for each in validators.members}
    found = set()
    for each in commit.signatures:
        member = named.get(each.address)
        message = vote.encode(chain, commit.height, commit.round, commit.block, *each.time)
        if member is not None and keys.is_valid(bytes.fromhex(member.key), message, each.signature):
            found.add(member.organisation)
    return tuple(sorted(found))


def _read_signature(found: _Signature) -> Signature:
    return Signature(
        address=found.validator_address.lower(),
        time=vote.parse_time(found.timestamp),
        signature=base64.b64decode(found.signature or "", validate=True),
    )


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 < number <= _LARGEST:
        raise ValueError("it names no height")
    return number


# Several nodes are asked at once, each in a thread.
layout.settle(globals().values())
