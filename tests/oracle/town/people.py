"""A small bank in which people and services do things at random, most of them sensible.

    town = Town(7)
    judged = play(town)                  # the next block; the same seed tells the same story

Those who build, approve, watch and deploy are different people; some hold a second role, so that each separation bites
at times. `ci` stands for the one who trains, `desk` for one who approves, `bot` for nobody.
"""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any

import msgspec

import makers
from muniment.core.format import time
from muniment.core.rules import genesis
from muniment.core.rules.genesis import Founder, Genesis
from muniment.core.rules.members import Member, Publisher
from muniment.core.rules.policy import Policy
from muniment.ledger.signers import SeedSigner
from oracle.history import Json, data_set, is_retired, registration
from oracle.people import policy_at, roles
from oracle.town.chronicle import Chronicle, Judged
from oracle.town.policies import PLACES, draw_policy
from oracle.voices import digest_of

SECOND = 1_000_000
DAY = 86_400 * SECOND
PERSONS = MappingProxyType(
    {
        "adam": "admin",
        "ann": "approver",
        "ben": "approver",
        "dora": "deployer",
        "eva": "builder",
        "eve": "",
        "rick": "risk",
        "tess": "builder",
    }
)
SERVICES = MappingProxyType({"bot": ("builder", ()), "ci": ("builder", ("tess",)), "desk": ("approver", ("ann",))})
VERSIONS = tuple(f"{n}" * 64 for n in range(1, 8))
DATA = tuple(c * 64 for c in "abcd")
MODELS = ("m", "risk/m")
NAMES = ("m", "canary")
WAIVABLE = (
    *("approvals", "evaluations", "hold", "licence", "purpose"),
    *("rejected", "retired", "separation", "unknown-ancestry", "withdrawn"),
)
DECIDING = ("approver", "risk")
Move = Callable[["Town"], list[bytes]]


def key_of(member: str, purpose: str, number: int = 1) -> str:
    """A public key of an organisation; nobody signs with it."""
    return digest_of({"key": f"{member} {purpose} {number}"})


class Town:
    """A story: who acts next, and what it says."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.keys = {name: SeedSigner(name.encode().ljust(32, b".")) for name in (*PERSONS, *SERVICES)}
        self.spent = 0
        self.policies: list[Policy] = [draw_policy(self.random) for _ in range(4)]
        self.founding = self._found()
        self.chronicle = Chronicle(self.founding)
        self.ids: defaultdict[str, list[str]] = defaultdict(list)
        self.plans: list[Move] = []

    # What is said next

    def wait(self) -> None:
        """Choose when the next block is sealed; at times just when something recorded expires."""
        now = time.parse(self.chronicle.position.time)
        recent = self.chronicle.history.entries[-20:]
        ends = [time.parse(each.event["expiresAt"]) - now for each in recent if "expiresAt" in each.event]
        ahead = [each for each in ends if 0 < each <= 3 * DAY]
        if ahead and self.maybe(0.2):
            self.chronicle.pause = self.random.choice(ahead)
            return
        self.chronicle.pause = self.random.choice((1, SECOND, SECOND, SECOND, 3_600 * SECOND, DAY, DAY, 2 * DAY))

    def submit(self, raws: list[bytes]) -> list[Judged]:
        """Submit a block to oracle and machine."""
        judged = self.chronicle.compare(self.chronicle.pause, raws)
        for each in judged:
            if each.verdict.decision == "admitted":
                self.ids[each.entry.name].append(each.entry.event["eventId"])
        return judged

    def say(self, name: str, actor: str, event_id: str = "", signer: SeedSigner | None = None, /, **fields: Any) -> bytes:
        """One signed event."""
        if self.maybe(0.04):
            actor = self.one(tuple(self.keys))
        if self.maybe(0.06) and "onBehalfOf" not in fields:
            fields["onBehalfOf"] = [self.one((*PERSONS, "ci", "nobody"))]
        given = {key: value for key, value in fields.items() if value is not None}
        key = signer or self.keys.get(actor, self.keys["eve"])
        return makers.sign(self.chronicle.ledger, name, key, actor, event_id or self.fresh(), **given)

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def one(self, pool: Iterable[str]) -> str:
        return self.random.choice(list(pool))

    def some(self, pool: Iterable[str], chance: float) -> list[str]:
        return sorted(each for each in pool if self.maybe(chance))

    def fresh(self) -> str:
        """An event id that tells nothing about when it was made."""
        return str(uuid.UUID(int=self.random.getrandbits(128) & ~(0xF << 76) & ~(0b11 << 62) | 0x7 << 76 | 0b10 << 62))

    def id(self, name: str) -> str:
        """An admitted event of this name, now and then one that nobody knows."""
        return self.one(self.ids[name]) if self.ids[name] and self.maybe(0.97) else self.fresh()

    def new_key(self) -> SeedSigner:
        self.spent += 1
        return SeedSigner(f"key {self.spent}".encode().ljust(32, b"."))

    def later(self, long: float = 0.3) -> str:
        """A moment after the next block, at times that block's own; in a month with the chance that is given."""
        after = 30 * DAY if self.maybe(long) else self.random.choice((0, 1, SECOND, 3_600 * SECOND, DAY, 3 * DAY))
        return time.format(time.parse(self.chronicle.moment) + after)

    # What is known

    @property
    def policy(self) -> Json:
        return policy_at(self.chronicle.history, self.chronicle.position.height + 1)

    def place(self) -> str:
        listed = [each["name"] for each in self.policy.get("environments", ())]
        return self.one(listed if listed and self.maybe(0.97) else PLACES)

    def version(self) -> str:
        """A version that is registered, if there is one."""
        known = [each for each in VERSIONS if registration(self.chronicle.history, each)]
        fresh = [each for each in known if not is_retired(self.chronicle.history, each)]
        return self.one(fresh if fresh and self.maybe(0.95) else known if known and self.maybe(0.9) else VERSIONS)

    def data(self, chance: float) -> list[str]:
        """Some data sets, most of them registered."""
        known = [each for each in DATA if data_set(self.chronicle.history, each) or self.maybe(0.05)]
        return self.some(known, chance)

    def holders(self, role: str) -> list[str]:
        """Who has a role now; somebody, where nobody has."""
        held = [each for each in self.keys if role in roles(self.chronicle.history, each)]
        return held or ["adam"]

    def decisions(self, **of: object) -> list[str]:
        """The decisions about something."""
        found = self.chronicle.history.all("approval.decided", of=of)
        return [each.event["eventId"] for each in found if each.event["decision"] != "revoke"]

    def _found(self) -> Genesis:
        founders = []
        names = self.random.choice(((), (), ("acme",), ("acme", "bank", "tuv")))
        members = tuple(
            Member(cosigner=key_of(each, "cosignerKey"), key=key_of(each, "validatorKey"), organisation=each) for each in names
        )
        publisher: Publisher | msgspec.UnsetType = msgspec.UNSET
        if names and self.maybe(0.5):
            publisher = Publisher(key=key_of(names[0], "publisherKey"), organisation=names[0])
        for name in sorted(self.keys):
            main, responsible = SERVICES[name] if name in SERVICES else (PERSONS[name], ())
            second = self.random.choice(("", "", "builder", "deployer") if main in DECIDING else ("", "", "", "approver", "risk"))
            second = second if name != "eve" else ""
            founders.append(
                Founder(
                    id=name,
                    kind="service" if name in SERVICES else "person",
                    keys=(genesis.prove_key(makers.ORIGIN, name, self.keys[name]),),
                    organisation=self.one(names) if names and self.maybe(0.6) else msgspec.UNSET,
                    responsible=responsible,
                    roles=tuple(sorted({main, second} - {""})),
                )
            )
        return Genesis(origin=makers.ORIGIN, actors=tuple(founders), policy=self.policies[0], members=members, publisher=publisher)
