"""What the state says of the members of a consortium, and what proofs of double signing change in it (docs/spec, section 6)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from muniment.core.format import encoding, state_map
from muniment.core.format.entry import Header
from muniment.core.rules import genesis, members
from muniment.core.rules.members import Fault, Member, Validators
from muniment.core.rules.overlay import Overlay
from muniment.core.rules.records import Consortium, Membership, State, ValidatorKey
from muniment.errors import InvariantError


def read(overlay: Overlay) -> Validators:
    """The members in force, of a ledger that has any."""
    consortium = overlay.read("members", Consortium)
    if consortium is None:
        raise InvariantError("the members of a ledger without any were asked for")
    listed = []
    for organisation in consortium.active:
        known = _member(overlay, organisation)
        listed.append(Member(cosigner=known.cosigner, key=known.key, organisation=organisation))
    return Validators(members=tuple(listed), publisher=consortium.publisher)


def name(overlay: Overlay, faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """The faults that a header tells, with the organisations whose keys those are or were; none where there are no members."""
    if not overlay.exists("members"):
        return ()
    named = []
    for fault in members.settle_faults(faults):
        known = overlay.read(f"validator/{fault.address}", ValidatorKey)
        named.append(fault if known is None else msgspec.structs.replace(fault, organisation=known.member))
    return tuple(named)


def note(overlay: Overlay, faults: Sequence[Fault], index: int, leaf: bytes) -> None:
    """Count faults in the records of those who did them.

    The header at `index` itself changes these records, so they fold `leaf`, its leaf without the state.
    """
    counts: dict[str, int] = {}
    touched: set[str] = set()
    for fault in faults:
        if fault.organisation is not msgspec.UNSET:
            counts[fault.organisation] = counts.get(fault.organisation, 0) + 1
            touched |= {f"member/{fault.organisation}", f"validator/{fault.address}"}
    writes: dict[str, tuple[State, bytes]] = {}
    for organisation, count in counts.items():
        known = _member(overlay, organisation)
        state = msgspec.structs.replace(known, faults=known.faults + count)
        writes[f"member/{organisation}"] = state, encoding.encode_struct(state)
    names = sorted(touched)
    overlay.touch(names, [state_map.key(each) for each in names], index, leaf, writes)


def folded(header: Header) -> tuple[str, ...]:
    """The streams that a header itself changes, each once: all that a genesis makes, and those of whoever signed twice."""
    names: set[str] = set()
    if header.genesis is not msgspec.UNSET:
        founding = genesis.decode(bytes(header.genesis))
        names |= {"policy", "protocol", *(["members"] if founding.members else [])}
        names |= {f"actor/{actor.id}" for actor in founding.actors}
        names |= {f"key/{each.key}" for actor in founding.actors for each in actor.keys}
        for member in founding.members:
            address = members.address(member.key)
            names |= {f"member/{member.organisation}", f"validator/{address}", f"cosigner/{member.cosigner}"}
    if header.evidence is not msgspec.UNSET:
        named = [each for each in members.decode_faults(bytes(header.evidence)) if each.organisation is not msgspec.UNSET]
        names |= {name for each in named for name in (f"member/{each.organisation}", f"validator/{each.address}")}
    return tuple(sorted(names))


def _member(overlay: Overlay, organisation: str) -> Membership:
    known = overlay.read(f"member/{organisation}", Membership)
    if known is None:
        raise InvariantError(f"the member {organisation} has no record")
    return known
