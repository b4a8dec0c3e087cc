"""Writing the draft: of a new ledger, or of one that moves in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from muniment.client import home as homes
from muniment.client import policy_file
from muniment.client.home import Home
from muniment.core.format import keys
from muniment.core.format.encoding import Segment
from muniment.core.rules.members import MAX_MEMBERS
from muniment.errors import Conflict, InvalidInput
from muniment.node.founding import draft as drafts
from muniment.node.founding import rules
from muniment.node.founding.document import UNSET
from muniment.node.founding.draft import Draft, Rules

POLICY = "team"
"""The rules that a consortium begins with where nobody names others."""

_RESERVED = frozenset({"none", "node"})


def draft_new(origin: str, members: Sequence[str], time: str, policy: str = POLICY, publisher: str | None = None) -> Draft:
    """The draft of a new ledger. A ready policy is adapted to members (`rules.adapt`); a file is taken as it is.

    Raises InvalidInput (`bad-origin`, `bad-member`, `bad-members`, `bad-publisher`; `no-founder` and the like for a policy that
    nobody could begin with), and as `policy_file.load`.
    """
    homes.check_origin(origin)
    names = _check_members(members, publisher)
    file = policy_file.load(policy)
    homes.check_founding(file.policy, file.founder)
    begun = rules.adapt(file) if policy in policy_file.READY else Rules(founder=file.founder, policy=file.policy)
    return drafts.check(
        Draft(format=drafts.FORMAT, origin=origin, members=names, time=time, rules=begun, publisher=publisher or UNSET)
    )


def draft_moved(source: Path, members: Sequence[str], time: str, publisher: str | None = None) -> Draft:
    """The draft of a consortium that the solo ledger in the home `source` moves into.

    Raises Conflict (`already-a-consortium`), NotFound where there is no ledger, and as `draft_new`.
    """
    home = Home(source)
    names = _check_members(members, publisher)
    if home.is_node:
        raise Conflict(
            f"the ledger in {source} is a consortium's already",
            code="already-a-consortium",
            hint="Admit another member with `muniment member admit`.",
        )
    engine = home.open()
    try:
        origin, ledger = engine.origin, engine.ledger
    finally:
        engine.close()
    trust = home.load_trust()
    if trust.ledger != ledger or not trust.log_keys:
        raise InvalidInput(
            f"the trust file in {source} is not about the ledger beside it",
            code="bad-trust",
            hint="Run `muniment doctor` in that home.",
        )
    log_keys = tuple(sorted(keys.format(each) for each in trust.log_keys))
    return drafts.check(
        Draft(
            format=drafts.FORMAT,
            origin=origin,
            members=names,
            time=time,
            ledger=ledger,
            log_keys=log_keys,
            publisher=publisher or UNSET,
        )
    )


def _check_members(members: Sequence[str], publisher: str | None) -> tuple[str, ...]:
    if twice := sorted({each for each in members if list(members).count(each) > 1}):
        raise InvalidInput(f"{twice[0]} is named twice", code="bad-members", hint="One organisation has one vote.")
    if not 1 <= len(members) <= MAX_MEMBERS:
        raise InvalidInput(
            f"{len(members)} members are named", code="bad-members", hint=f"A consortium has 1 to {MAX_MEMBERS} of them."
        )
    for each in members:
        try:
            msgspec.convert(each, Segment)
            named = each not in _RESERVED
        except msgspec.ValidationError:
            named = False
        if not named:
            raise InvalidInput(
                f"{each[:128]!r} cannot name an organisation",
                code="bad-member",
                hint="Use letters, digits, dots, dashes and underscores; what is written in a ledger stays.",
            )
    if publisher is not None and publisher not in members:
        raise InvalidInput(
            f"the publisher {publisher} is no member", code="bad-publisher", hint=f"Name one of {', '.join(members)}, or none."
        )
    return tuple(sorted(members))
