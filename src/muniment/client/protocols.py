"""The protocol of a ledger: which rules all validators judge by, and how the next ones are taken.

ledger.protocols.in_force()             # its number
ledger.protocols.approve(2)             # by those whom the amendment rule asks
ledger.protocols.upgrade(2)             # acts from the next block on
"""

from __future__ import annotations

import msgspec

from muniment.client.consent import Consent, weigh
from muniment.client.moments import Moment
from muniment.client.things import Recorded
from muniment.client.verbs.releasing import Releasing
from muniment.client.world import World
from muniment.client.writing import Writer
from muniment.core.format import entry
from muniment.core.rules.records import Protocol
from muniment.errors import InvalidInput

UPGRADES = "protocol.upgraded"


class Upgrade(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The next protocol as of now: who has agreed to it, and who is missing."""

    protocol: int
    in_force: int
    consent: Consent


class Protocols:
    """The protocol of one ledger: the number of the rules by which all validators judge."""

    def __init__(self, writer: Writer, verbs: Releasing) -> None:
        self._writer = writer
        self._verbs = verbs

    def in_force(self) -> int:
        """The number in force."""
        known = self._verbs.state("protocol", Protocol)
        return entry.PROTOCOL if known is None else known.number

    def propose(self, protocol: int) -> Upgrade:
        """What the amendment rule still asks for before a protocol acts.

        Raises InvalidInput: `protocol-not-spoken` by this release, `protocol-order` where another one comes next.
        """
        self._check(protocol)
        policy = self._verbs.policy()
        with self._writer.engine.view() as view:
            consent = weigh(self._verbs, World(view), policy, f"protocol/{protocol}", -1)
        return Upgrade(protocol=protocol, in_force=self.in_force(), consent=consent)

    def approve(self, protocol: int, *, reason: str | None = None, expires_at: Moment | None = None) -> Recorded:
        """Agree, as yourself, to the next protocol. Raises as `propose`."""
        self._check(protocol)
        return self._verbs.decide({"protocol": protocol}, reason=reason, expires_at=expires_at)

    def upgrade(self, protocol: int, *, reason: str | None = None) -> Recorded:
        """Let the next protocol act, from the next block on. Finds and cites the approvals itself.

        Raises as `propose`, and PolicyViolation where the amendment rule asks for more.
        """
        found = self.propose(protocol)
        return self._verbs.record(UPGRADES, {"protocol": protocol, "approvals": list(found.consent.approvals), "reason": reason})

    def _check(self, protocol: int) -> None:
        """A node that does not speak the protocol in force stops: so nobody proposes from a release that does not speak it."""
        if protocol not in entry.PROTOCOLS:
            spoken = ", ".join(map(str, sorted(entry.PROTOCOLS)))
            raise InvalidInput(
                f"this release does not speak protocol {protocol}; it speaks {spoken}",
                code="protocol-not-spoken",
                hint="Install a release that speaks it on every node first, then propose it from there.",
            )
        current = self.in_force()
        if protocol != current + 1:
            raise InvalidInput(
                f"protocol {current} is in force, and the next one is {current + 1}",
                code="protocol-order",
                hint="Protocols follow each other one by one.",
            )
