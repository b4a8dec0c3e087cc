"""What an environment asks of a deployment, and the amendment rule (docs/spec 6.7)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from second.ancestry import Beyond, World, walk
from second.forms import Json, holds

WAIVABLE = (
    *("approvals", "evaluations", "gate", "hold", "licence", "purpose"),
    *("rejected", "retired", "separation", "unknown-ancestry", "withdrawn"),
)


def environment_of(policy: Json, name: str | None) -> Json | None:
    """The policy's entry for an environment."""
    return next((each for each in policy.get("environments", []) if each["name"] == name), None)


def is_of(policy: Json, name: str) -> bool:
    """Is an environment of the policy?"""
    return not policy.get("environments") or environment_of(policy, name) is not None


def disputed(world: World, state: Json) -> bool:
    """Is the key of a decision disputed from an entry at or before it?"""
    key = world.state(f"key/{state['keyid']}") or {}
    return "disputedFrom" in key and key["disputedFrom"] <= state["index"]


def is_young(given: str, now: str, days: int | None) -> bool:
    """Is an approval at most so many days old? A time that is no day of the calendar is too old."""
    try:
        return days is None or datetime.fromisoformat(now) - datetime.fromisoformat(given) <= timedelta(days=days)
    except ValueError:
        return False
    except OverflowError:
        return True


def counting(world: World, ids: list[str], of: str, environment: str | None, time: str, days: int | None) -> list[Json]:
    """The approvals that count for whatever role they have, in the order of their entries."""
    found = [state for each in ids if (state := world.state(f"approval/{each}")) is not None]
    return sorted(
        (
            each
            for each in found
            if (each["decision"], each["status"], each["of"], each.get("environment")) == ("approve", "open", of, environment)
            and each.get("persons")
            and ("expires" not in each or each["expires"] > time)
            and is_young(each["time"], time, days)
            and not disputed(world, each)
        ),
        key=lambda each: int(each["index"]),
    )


def voices(counted: list[Json], role: str, apart: Collection[str] = ()) -> int:
    """How many voices there are for a role, without the approvals of those who are kept apart."""
    spoken: set[str] = set()
    number = 0
    for each in counted:
        persons = set(each["persons"])
        if role in each.get("roles", []) and not persons & spoken and not persons & set(apart):
            spoken |= persons
            number += 1
    return number


def judge_amendment(world: World, policy: Json, ids: list[str], of: str, since: int, time: str) -> list[str]:
    """The amendment rule: a reason for each role that falls short."""
    counted = [each for each in counting(world, ids, of, None, time, None) if each["index"] > since]
    members = world.state("members")
    active: set[str] = set() if members is None else set(members["active"])

    def suffices(role: str, count: int | str) -> bool:
        asked = 2 * len(active) // 3 + 1 if count == "quorum" else int(count)
        if members is None:
            return voices(counted, role) >= asked
        speakers = {each.get("organisation") for each in counted if role in each.get("roles", [])}
        return len(speakers & active) >= min(asked, len(active))

    return ["amendment" for each in policy.get("amendment", []) if not suffices(each["role"], each["count"])]


def sets_of_maker(world: World, party: str, version: Json) -> list[set[str]]:
    """The persons of each record that makes the trainer or the registrar of a version."""
    run = world.state(f"run/{version['run']}") if party == "trainer" and "run" in version else None
    return [set(each.get("persons", [])) for each in (version, run) if each is not None]


@dataclass
class Case:
    """One deployment event."""

    world: World
    policy: Json
    event: Json
    persons: list[str]
    time: str
    budget: int
    waived: bool = False
    walked: int = 0

    def judge(self) -> list[str]:
        """The rules that speak against it, in their order; `waived` tells whether a waiver was needed for that."""
        place = self.event["environment"]
        version = self.world.state(f"version/{self.event['version']}")
        assert version is not None
        self.version, self.asked = version, environment_of(self.policy, place) or {}
        self.parties = dict(self.gather_parties())
        self.apart = {person for sets in self.parties.values() for persons in sets for person in persons}
        rules = [] if is_of(self.policy, place) else ["environment"]
        rules += self.unwaived("retired", version["status"] == "registered")
        rules += self.unwaived("hold", not version.get("holds"))
        things: dict[str, list[str]] | None = None
        try:
            things = walk(self.world, self.event["version"], self.budget)
            self.walked = len(things)
            withdrawn = [each for each in things if "withdrawn" in (self.world.state(each) or {})]
            rules += self.unwaived("withdrawn", not withdrawn)
        except Beyond as beyond:
            self.walked = beyond.found
            rules.append(beyond.rule)
        if not self.asked:
            return rules
        rules += self.unwaived("rejected", place not in [each["environment"] for each in version.get("rejected", [])])
        if self.event["transition"] == "rollback" and place in version.get("admitted", []):
            return rules
        rules += self.judge_approvals()
        for threshold in self.asked.get("evaluations", []):
            rules += self.unwaived("evaluations", any(self.meets(each, threshold) for each in self.named()))
        if "data" in self.asked and things is not None:
            rules += self.judge_data(things)
        return rules

    def meets_something(self) -> bool:
        """Whether the environment asks for something, and nothing had to be waived."""
        return not self.waived and bool({"approvals", "evaluations", "data"} & set(self.asked))

    def unwaived(self, rule: str, met: bool) -> list[str]:
        """The reason, where there is one."""
        if not met and self.waivers(rule):
            self.waived = True
            return []
        return [] if met else [rule]

    def waivers(self, rule: str) -> list[Json]:
        """The waivers of a rule that apply."""
        found = [self.world.state(f"waiver/{each}") for each in self.event.get("waivers", [])]
        scope = (self.event["version"], self.event["environment"], rule)
        return [
            each
            for each in found
            if each is not None
            and (each["version"], each["environment"], each["rule"]) == scope
            and each["expires"] > self.time
            and not disputed(self.world, each)
            and (rule not in ("approvals", "separation") or not self.apart & set(each["persons"]))
        ]

    def named(self) -> list[Json]:
        """The evaluations that the event names and that are the version's."""
        found = [self.world.state(f"evaluation/{each}") for each in self.event.get("evaluations", [])]
        return [each for each in found if each is not None and each["version"] == self.event["version"]]

    def gather_parties(self) -> list[tuple[str, list[set[str]]]]:
        """The persons of each record that makes a party."""
        found: list[tuple[str, list[set[str]]]] = []
        for party in self.asked.get("separation", []):
            if party == "deployer":
                found.append((party, [set(self.persons)]))
            elif party != "evaluator":
                found.append((party, sets_of_maker(self.world, party, self.version)))
            elif self.named():
                found.append((party, [set(evaluation.get("persons", [])) for evaluation in self.named()]))
        return found

    def judge_approvals(self) -> list[str]:
        of, days = f"version/{self.event['version']}", self.asked.get("maxApprovalAgeDays")
        counted = counting(self.world, self.event.get("approvals", []), of, self.asked["name"], self.time, days)
        empty = not all(all(sets) for sets in self.parties.values())
        rules: list[str] = []
        for each in self.asked.get("approvals", []):
            role, count = each["role"], each["count"]
            if not empty and voices(counted, role, self.apart) >= count:
                continue
            if not empty and voices(counted, role) < count:
                rules += self.unwaived("approvals", False)
            elif any(voices(counted, role, waiver["persons"]) >= count for waiver in self.waivers("separation")):
                self.waived = True
            else:
                rules.append("separation")
        return rules

    def meets(self, evaluation: Json, threshold: Json) -> bool:
        body = self.world.body(evaluation["index"])
        results = [each for each in body["results"] if each["metric"] == threshold["metric"]]
        values = [each["value"] for each in results]
        return (
            evaluation.get("passed") is not False
            and body.get("datasetRole") == threshold["datasetRole"]
            and any("slice" not in each for each in results)
            and all(holds(value, threshold["comparator"], threshold["threshold"]) for value in values)
        )

    def judge_data(self, things: dict[str, list[str]]) -> list[str]:
        terms = self.asked["data"]
        _, *others = things
        states = {each: self.world.state(each) or {} for each in others}
        data = [state for each, state in states.items() if each.startswith("data/")]
        versions = [self.world.body(state["made"]) for each, state in states.items() if each.startswith("version/")]
        rules: list[str] = []
        if "licences" in terms:
            stated = [state.get("licence") for state in data] + [body["licence"] for body in versions if "licence" in body]
            rules += self.unwaived("licence", all(each in terms["licences"] for each in stated))
        if "purposes" in terms:
            allowed = all(set(terms["purposes"]) <= set(state.get("purposes", [])) for state in data)
            rules += self.unwaived("purpose", allowed)
        if not terms.get("allowUnknownAncestry"):
            unknown = [each for each, parents in things.items() if each.startswith("version/") and not parents]
            rules += self.unwaived("unknown-ancestry", not unknown)
        return rules
