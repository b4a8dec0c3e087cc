"""How a ledger begins: the records and the header that a genesis makes (docs/spec, section 5).

transition = found(genesis, time)
sealed = seal(genesis, time, state_root)            # once the root of those records is known
"""

from __future__ import annotations

import msgspec

from muniment.core.format import encoding, entry, merkle, state_map
from muniment.core.format.entry import Header
from muniment.core.format.merkle import Frontier
from muniment.core.rules import genesis as genesis_rules
from muniment.core.rules import members, policy
from muniment.core.rules.chain import Sealed, Transition
from muniment.core.rules.genesis import Genesis
from muniment.core.rules.overlay import Overlay
from muniment.core.rules.records import (
    MAX_SET_BYTES,
    Actor,
    Consortium,
    CosignerKey,
    Key,
    Membership,
    PolicyInForce,
    Protocol,
    State,
    ValidatorKey,
)
from muniment.errors import InvalidInput, VerificationError


def found(genesis: Genesis, time: str) -> Transition:
    """The records that a genesis makes: actors, keys, policy, protocol and members, folded at index 0.

    Raises InvalidInput for one that `genesis.decode` refuses, so that no ledger is founded that nobody could replay, and for
    a founder whose roles and persons are more than a record holds (`record-size`).
    """
    genesis = genesis_rules.decode(genesis_rules.encode(genesis))
    leaf = entry.leaf_without_state(_header(genesis, time, merkle.EMPTY))
    states: dict[str, State] = {
        "policy": PolicyInForce(digest=policy.identify(genesis.policy), index=0),
        "protocol": Protocol(number=entry.PROTOCOL),
    }
    for actor in genesis.actors:
        states[f"actor/{actor.id}"] = Actor(
            kind=actor.kind, organisation=actor.organisation, responsible=actor.responsible, roles=actor.roles
        )
        states.update({f"key/{each.key}": Key(actor=actor.id, since=0) for each in actor.keys})
    if genesis.members:
        active = tuple(member.organisation for member in genesis.members)
        states["members"] = Consortium(active=active, publisher=genesis.publisher)
    for member in genesis.members:
        states[f"member/{member.organisation}"] = Membership(cosigner=member.cosigner, index=0, key=member.key, status="active")
        states[f"validator/{members.address(member.key)}"] = ValidatorKey(key=member.key, member=member.organisation)
        states[f"cosigner/{member.cosigner}"] = CosignerKey(member=member.organisation)
    for name, state in states.items():
        if state.set_bytes() > MAX_SET_BYTES:
            raise InvalidInput(f"the sets in the record of {name} take more than {MAX_SET_BYTES} bytes", code="record-size")
    overlay = Overlay(_Nothing())
    names = sorted(states)
    writes = {name: (state, encoding.encode_struct(state)) for name, state in states.items()}
    overlay.touch(names, [state_map.key(name) for name in names], 0, leaf, writes)
    return Transition((), (), overlay.records())


def seal(genesis: Genesis, time: str, state: bytes) -> Sealed:
    """The block of height 0; `state` is the root of the map after it. The leaf of its header is the ledger's id."""
    header = _header(genesis, time, state)
    return Sealed.of(header, "", genesis.origin, Frontier())


def _header(genesis: Genesis, time: str, state: bytes) -> Header:
    return Header(
        height=0,
        time=time,
        previous=entry.NO_PREVIOUS,
        size=0,
        root=merkle.EMPTY.hex(),
        state=state.hex(),
        protocol=entry.PROTOCOL,
        genesis=msgspec.Raw(genesis_rules.encode(genesis)),
    )


class _Nothing:
    """The reader of a ledger that does not exist yet."""

    def state(self, key: bytes) -> None:
        return None

    def event(self, index: int) -> bytes:
        raise VerificationError(f"there is no entry {index}", step=8)

    def find(self, event_id: str) -> None:
        return None
