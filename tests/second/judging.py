"""What the conditions and changes of every event have in common (docs/spec 6.2 to 6.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from second.forms import Json
from second.requirements import is_of
from second.verdicts import Refused


class Known(Protocol):
    """What effects ask of a ledger."""

    records: dict[str, Json]
    payloads: dict[str, tuple[int, bytes]]

    def state(self, stream: str) -> Json | None:
        """The state of a stream that exists."""

    def body(self, index: int) -> Json:
        """The predicate of an event."""

    def check_key(self, actor: str, key: str, proof: str) -> None:
        """A key's own signature."""


def persons_of(actor: str, state: Json) -> set[str]:
    """The persons of an actor (6.2)."""
    return {actor} if state["kind"] == "person" else set(state.get("responsible", []))


def may(policy: Json, actor: Json, name: str) -> bool:
    """May a role of an actor write an event of this name?"""
    allowed = {each for role in policy["roles"] if role["name"] in actor.get("roles", []) for each in role.get("may", [])}
    return bool(allowed & {name, "*"})


@dataclass
class Block:
    """What is the same for all events of a block."""

    ledger: Known
    policy: Json
    time: str
    earlier: dict[str, tuple[int, bytes]]
    walked: int = 0


class Judging:
    """One event: reads, demands, and the states to set."""

    def __init__(self, block: Block, index: int, key: str, name: str, event: Json) -> None:
        self.block, self.ledger, self.policy, self.time = block, block.ledger, block.policy, block.time
        self.index, self.key, self.name, self.e = index, key, name, event
        self.actor = self.ledger.state(f"actor/{event['actor']}") or {}
        self.own = persons_of(event["actor"], self.actor)
        self.persons = sorted(self.own | set(event.get("onBehalfOf", []))) if self.own else []
        self.rules: list[str] = []
        self.states: dict[str, Json] = {}

    def judge(self) -> dict[str, Json]:
        """The states to set. Raises Refused or Repeated."""
        getattr(self, self.name.replace(".", "_"), self.declarative)(self.e)
        if not self.rules and any(weigh(state) > 3_200 for state in self.states.values()):
            self.rules.append("record-size")
        if self.rules:
            raise Refused(*self.rules)
        return self.states

    def declarative(self, e: Json) -> None:
        self.need(*e["about"])

    def need(self, *streams: str) -> list[Json | None]:
        """What must exist."""
        found = [self.states.get(stream) or self.ledger.state(stream) for stream in streams]
        self.rules += ["unknown"] * found.count(None)
        return found

    def demand(self, condition: bool, rule: str) -> None:
        if not condition:
            self.rules.append(rule)

    def demand_policy(self, environment: str) -> None:
        """The environment is of the policy."""
        self.demand(is_of(self.policy, environment), "environment")

    def may_hold(self) -> bool:
        """Page 6.4."""
        roles = self.policy.get("holdRoles", [])
        return not roles or bool(set(roles) & set(self.actor.get("roles", [])))

    def change(self, stream: str, **changes: Any) -> None:
        """Set fields of a state; None takes one out, and so does a default."""
        state = dict(self.states.get(stream) or self.ledger.state(stream) or {})
        for name, value in changes.items():
            state.pop(name, None)
            if value is not None and value is not False and value != [] and (value != 0 or name not in ("holds", "running")):
                state[name] = value
        self.states[stream] = state


def weigh(state: Json) -> int:
    """What the sets of a state take (page 7)."""
    elements = [each for item in state.values() if isinstance(item, list) for each in item]
    return sum(len(each) + 3 if isinstance(each, str) else len(each["environment"]) + 48 for each in elements)


def fields(e: Json, names: Iterable[str]) -> Json:
    """Those fields of an event, None where it says nothing."""
    return {name: e.get(name) for name in names}
