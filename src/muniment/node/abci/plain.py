"""Between the engine's messages and the ledger's own values: times, faults, the validators that a block changes.

All of it is arithmetic on what every validator was given, so that all come to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from google.protobuf.timestamp_pb2 import Timestamp

from muniment.core.format import time
from muniment.core.rules.members import Fault, FaultKind, Validators
from muniment.node.abci.proto import keys_pb2 as keys
from muniment.node.abci.proto import types_pb2 as abci

FIRST_US = time.parse("0001-01-01T00:00:00.000000Z")
LAST_US = time.parse("9999-12-31T23:59:59.999999Z")
"""What can be written. The engine can mean years far beyond both."""

POWER = 1
_ADDRESS_BYTES = 20
_KINDS: Mapping[int, FaultKind] = MappingProxyType(
    {abci.DUPLICATE_VOTE: "duplicate-vote", abci.LIGHT_CLIENT_ATTACK: "light-client-attack"}
)


class EndOfTime(Exception):
    """No later time can be written than the last header's, so no block can be sealed after it."""


def microseconds(stamp: Timestamp) -> int:
    """A time of the engine as microseconds since 1970, within what can be written."""
    return min(max(stamp.seconds * 1_000_000 + stamp.nanos // 1_000, FIRST_US), LAST_US)


def follow(previous: str, when: int) -> str:
    """The time of a header, after one of time `previous`, whose block is of `when` (microseconds). Raises EndOfTime."""
    following = max(min(when, LAST_US), time.parse(previous) + 1)
    if following > LAST_US:
        raise EndOfTime
    return time.format(following)


def faults(misbehaviours: Iterable[abci.Misbehavior]) -> tuple[Fault, ...]:
    """What the engine proved of validators. What has no form that a header can carry is left out, by everybody alike."""
    return tuple(
        [
            Fault(
                address=each.validator.address.hex(),
                height=each.height,
                kind=_KINDS[each.type],
                time=time.format(microseconds(each.time)),
            )
            for each in misbehaviours
            if each.type in _KINDS and len(each.validator.address) == _ADDRESS_BYTES and 0 <= each.height < 1 << 53
        ]
    )


def updates(before: Validators | None, after: Validators | None) -> list[abci.ValidatorUpdate]:
    """What the engine has to change in its set: power 0 for keys that left, 1 for keys that came, ascending by key."""
    if after is None:
        return []
    old = {each.key for each in before.members} if before is not None else set()
    new = {each.key for each in after.members}
    return [_update(key, POWER if key in new else 0) for key in sorted(old ^ new)]


def powers(validators: Iterable[abci.ValidatorUpdate]) -> dict[str, int]:
    """The power of each Ed25519 key (64 hex); a key of another kind is listed as empty."""
    return {each.pub_key.ed25519.hex(): each.power for each in validators}


def _update(key: str, power: int) -> abci.ValidatorUpdate:
    return abci.ValidatorUpdate(pub_key=keys.PublicKey(ed25519=bytes.fromhex(key)), power=power)
