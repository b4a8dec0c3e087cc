"""Effects on the consortium: who is a member, with which keys, and who publishes.

A bad set of validators would halt every node, so the rules bound it: it is never empty, no larger than MAX_MEMBERS, and no key
ever serves two organisations or two purposes.
"""

import msgspec

from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.effects.governance import require_approvals
from muniment.core.rules.events import MemberChanged
from muniment.core.rules.members import MAX_MEMBERS, Publisher, address
from muniment.core.rules.records import Consortium, CosignerKey, Membership, ValidatorKey

UNSET = msgspec.UNSET


@effect.register
def _member(event: MemberChanged, context: Context) -> None:
    stream = f"member/{event.member}"
    before = context.read(stream, Membership)
    require_approvals(event.approvals, f"{stream}/{event.terms()}", -1 if before is None else before.index, context)
    consortium = context.read("members", Consortium) or Consortium(active=())
    member = event.member in consortium.active
    if member == (event.change == "admit"):
        context.refuse(
            "member",
            "Who is admitted is no member; what else changes is about one.",
            f"{event.member} is {'a' if member else 'no'} member.",
        )
    _check_keys(event, consortium, context)
    if event.change == "admit":
        known = Membership(cosigner="", index=0, key="", status="")
        faults = 0 if before is None else before.faults
        _write_keys(event, msgspec.structs.replace(known, faults=faults), context)
        _write_members(consortium, tuple(sorted({*consortium.active, event.member})), context)
    elif before is not None and event.change == "remove":
        context.write(stream, msgspec.structs.replace(before, index=context.index, status="removed"))
        _write_members(consortium, tuple(each for each in consortium.active if each != event.member), context)
    elif before is not None and event.publisher_key is not UNSET:
        context.write(stream, msgspec.structs.replace(before, index=context.index))
        publisher = Publisher(key=event.publisher_key, organisation=event.member)
        context.write("members", msgspec.structs.replace(consortium, publisher=publisher))
    elif before is not None:
        _write_keys(event, before, context)
        context.write("members", consortium)


def _check_keys(event: MemberChanged, consortium: Consortium, context: Context) -> None:
    """A key serves one organisation and one purpose, for ever."""
    publisher = None if consortium.publisher is UNSET else consortium.publisher
    publishing = "" if publisher is None else publisher.key
    used: list[str] = []
    if event.validator_key is not UNSET:
        validator = context.read(f"validator/{address(event.validator_key)}", ValidatorKey)
        # The engine knows validators by their addresses: two of one address would halt it.
        if validator is not None and (validator.member, validator.key) != (event.member, event.validator_key):
            used.append(event.validator_key)
    if publisher is not None and event.publisher_key == publisher.key and publisher.organisation != event.member:
        used.append(publisher.key)
    if event.cosigner_key is not UNSET:
        cosigner = context.read(f"cosigner/{event.cosigner_key}", CosignerKey)
        if cosigner is not None and cosigner.member != event.member:
            used.append(event.cosigner_key)
    for key in (event.validator_key, event.cosigner_key, event.publisher_key):
        if key is not UNSET and (_serves_otherwise(key, event, context) or (key == publishing and key != event.publisher_key)):
            used.append(key)
    if used:
        told = ", ".join(f"{key[:8]}…" for key in dict.fromkeys(used))
        context.refuse(
            "member-key",
            "A key serves one organisation, and one purpose.",
            f"{told} already serves otherwise.",
            mend="Make a new one.",
        )


def _serves_otherwise(key: str, event: MemberChanged, context: Context) -> bool:
    """Is a key known for a purpose other than the one that the event names it for?"""
    votes = key != event.validator_key and context.exists(f"validator/{address(key)}")
    cosigns = key != event.cosigner_key and context.exists(f"cosigner/{key}")
    return votes or cosigns


def _write_keys(event: MemberChanged, before: Membership, context: Context) -> None:
    key = before.key if event.validator_key is UNSET else event.validator_key
    cosigner = before.cosigner if event.cosigner_key is UNSET else event.cosigner_key
    after = Membership(cosigner=cosigner, faults=before.faults, index=context.index, key=key, status="active")
    context.write(f"member/{event.member}", after)
    if event.validator_key is not UNSET:
        context.write(f"validator/{address(key)}", ValidatorKey(key=key, member=event.member))
    if event.cosigner_key is not UNSET:
        context.write(f"cosigner/{cosigner}", CosignerKey(member=event.member))


def _write_members(consortium: Consortium, active: tuple[str, ...], context: Context) -> None:
    if not 1 <= len(active) <= MAX_MEMBERS:
        context.refuse("member", f"A consortium has 1 to {MAX_MEMBERS} members.", f"It would have {len(active)}.")
    publisher = consortium.publisher
    if publisher is not UNSET and publisher.organisation not in active:
        # Nobody publishes until another member does: the proofs need only the members.
        publisher = UNSET
    context.write("members", Consortium(active=active, publisher=publisher))
