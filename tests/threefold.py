"""A step of a life in three ways: a verb of the SDK, its command, and the fields of its event. `steps` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from muniment.client import capturing, identity, key_request
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.core.rules import policy_text
from muniment.core.rules.policy import Policy, PolicyViolation
from muniment.errors import Conflict

ORIGIN = "example.com/credit"
POLICY = "policy.toml"

Fields = Mapping[str, Any]


class Verdict(NamedTuple):
    """What became of an event: admitted, repeated or refused, and by which rules."""

    decision: str
    rules: tuple[str, ...] = ()


class Seen:
    """What a copy of the ledger has come to: event id and entry of each step, and what is known about the files beside it."""

    def __init__(self, home: Path, now: Callable[[], str]) -> None:
        self.home = home
        self.now = now
        self.ids: dict[str, str] = {}
        self.entries: dict[str, int] = {}

    def file(self, name: str) -> capturing.Captured:
        """A file as the ledger names it."""
        return capturing.read(self.home.parent / name)

    def digest(self, name: str) -> str:
        """Its digest."""
        return self.file(name).digest

    def policy(self) -> Policy:
        """The policy that takes the place of the first one."""
        return policy_text.parse((self.home.parent / POLICY).read_text())

    def request(self, actor: str) -> key_request.Request:
        """The request of somebody whose key lies here."""
        return identity.request(Home(self.home), ORIGIN, actor, "person")


class Step(NamedTuple):
    """Something that somebody does, in three ways, and the verdict that it gets."""

    name: str
    actor: str
    sdk: Callable[[Ledger, Seen], Any]
    cli: Callable[[Seen], Sequence[str]]
    event: str
    fields: Callable[[Seen], Fields]
    verdict: Verdict


ADMITTED, REPEATED = Verdict("admitted"), Verdict("repeated")


def do_by_verb(ledger: Ledger, seen: Seen, step: Step) -> tuple[Verdict, str, int]:
    """Do a step by its verb of the SDK: the verdict, and event id and entry where there is one."""
    try:
        done = step.sdk(ledger, seen)
    except PolicyViolation as violation:
        return refused(*(reason.rule for reason in violation.verdict.reasons)), "", -1
    except Conflict as conflict:
        return refused(conflict.code.removeprefix("conflict-")), "", -1
    recorded = getattr(done, "recorded", done)
    return REPEATED if recorded.again else ADMITTED, recorded.event_id, recorded.index


def refused(*rules: str) -> Verdict:
    """A refusal by these rules."""
    return Verdict("refused", rules)
