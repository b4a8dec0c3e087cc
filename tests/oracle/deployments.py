"""What an environment asks of a version that shall run there, and what of it is waived (docs/spec 6.7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from oracle.ancestry import ancestry, has_unknown_origin
from oracle.history import (
    Entry,
    History,
    Json,
    data_set,
    is_held,
    is_rejected,
    is_retired,
    is_withdrawn,
    registration,
)
from oracle.people import People, environment_of, is_disputed, is_foreign, persons, persons_of_all, policy_at
from oracle.voices import NOBODY, approvals, count_voices

JUDGED = ("start", "promote", "rollback")
COMPARATORS = {
    "eq": Decimal.__eq__,
    "ge": Decimal.__ge__,
    "gt": Decimal.__gt__,
    "le": Decimal.__le__,
    "lt": Decimal.__lt__,
}


def requirements(history: History, now: Entry, *, waive: bool = True) -> set[str]:
    """The rules of the environment that refuse a start, promotion or rollback of a registered version."""
    version, place = now.event["version"], now.event["environment"]
    policy = policy_at(history, now.height)
    waivers = list(_waivers(history, now)) if waive else []
    waived = {each.event["rule"] for each in waivers}
    rules = {"environment"} if is_foreign(policy, place) else set()
    rules |= _about_the_version(history, version) - waived
    asked = environment_of(policy, place)
    if asked is None:
        return rules
    rules |= {"rejected"} - waived if is_rejected(history, version, place) else set()
    if now.event["transition"] == "rollback" and was_admitted(history, version, place):
        return rules
    rules |= _of_approvals(history, now, asked, waivers)
    rules |= {"evaluations"} - waived if not _is_measured(history, now, asked) else set()
    return rules | (_of_data(history, version, asked) - waived)


def was_admitted(history: History, version: str, environment: str) -> bool:
    """Did this version once meet all that was asked of it there, without a waiver?"""
    for then in history.all("deployment.changed", version=version, environment=environment):
        if not _asks(environment_of(policy_at(history, then.height), environment)):
            continue
        # A rollback before the first such deployment had nothing to go back to: all is asked of it.
        asked = then._replace(event={**then.event, "transition": "start"})
        if then.event["transition"] in JUDGED and not requirements(history.before(then), asked, waive=False):
            return True
    return False


def _asks(environment: Json | None) -> bool:
    """Does an environment ask for anything that could be met?"""
    return environment is not None and bool({"approvals", "evaluations", "data"} & set(environment))


def _about_the_version(history: History, version: str) -> set[str]:
    rules = {"retired"} if is_retired(history, version) else set()
    rules |= {"hold"} if is_held(history, version) else set()
    gone = [digest for kind, digest in ancestry(history, version) if kind == "data" and is_withdrawn(history, digest)]
    return rules | {"withdrawn"} if gone else rules


def _waivers(history: History, now: Entry) -> Iterator[Entry]:
    """The waivers that the deployment names and that are for it, still run and are not disputed."""
    for name in now.event.get("waivers", ()):
        found = history.first("waiver.granted", eventId=name, version=now.event["version"], environment=now.event["environment"])
        if found and found.event["expiresAt"] > now.time and not is_disputed(history, found.key, found.index):
            yield found


def trainers(history: History, version: str) -> list[People]:
    """Who answered for the run that made a version (for its end only if somebody did for its start), and for its registration.

    The run that a registration names could be anybody's: so those who say that it made this version count as well.
    """
    registered = registrars(history, version)
    entry = registration(history, version)
    if entry is None or "run" not in entry.event:
        return registered
    started = persons_of_all(history, history.all("training.started", eventId=entry.event["run"]))
    ended = persons_of_all(history, history.all("training.finished", run=entry.event["run"]))
    return [started and started | ended, *registered]


def registrars(history: History, version: str) -> list[People]:
    """Who answered for the registration."""
    return [persons(history, each) for each in history.all("model.registered", version=version)]


def _evaluators(history: History, version: str, named: Iterable[str]) -> list[People]:
    """Who answered for each of the evaluations that are named."""
    found = history.all("evaluation.completed", version=version)
    return [persons(history, each) for each in found if each.event["eventId"] in named]


def _parties(history: History, now: Entry, asked: Json) -> list[People]:
    """The persons whom the environment keeps apart from those who approve: a set for each act, empty where nobody answers."""
    version, found = now.event["version"], list[People]()
    for party in asked.get("separation", ()):
        if party == "trainer":
            found += trainers(history, version)
        elif party == "registrar":
            found += registrars(history, version)
        elif party == "deployer":
            found.append(persons(history, now))
        else:
            found += _evaluators(history, version, now.event.get("evaluations", ()))
    return found


def _of_approvals(history: History, now: Entry, asked: Json, waivers: list[Entry]) -> set[str]:
    parties = _parties(history, now, asked)
    apart = NOBODY.union(*parties)
    of = {"version": now.event["version"], "environment": now.event["environment"]}
    days = asked.get("maxApprovalAgeDays")
    # An act that nobody answers for could be anybody's: no approval is known to be apart from it.
    nobody_answers = not all(parties)
    rules = set()
    for each in asked.get("approvals", ()):
        needed, counting = each["count"], list(approvals(history, now, of, each["role"], days))
        if not nobody_answers and count_voices(counting, history, apart) >= needed:
            continue
        rule = "separation" if nobody_answers or count_voices(counting, history) >= needed else "approvals"
        for waiver in waivers:
            author = persons(history, waiver)
            if waiver.event["rule"] != rule or author & apart:
                continue
            if rule == "approvals" or count_voices(counting, history, author) >= needed:
                break
        else:
            rules.add(rule)
    return rules


def _is_measured(history: History, now: Entry, asked: Json) -> bool:
    named = now.event.get("evaluations", ())
    measured = [
        each for each in history.all("evaluation.completed", version=now.event["version"]) if each.event["eventId"] in named
    ]
    return all(any(_meets(history, each, threshold) for each in measured) for threshold in asked.get("evaluations", ()))


def _meets(history: History, evaluation: Entry, threshold: Json) -> bool:
    if evaluation.event.get("datasetRole") != threshold["datasetRole"] or has_failed(history, evaluation):
        return False
    return _all_hold(evaluation, threshold["metric"], threshold["comparator"], threshold["threshold"])


def has_failed(history: History, evaluation: Entry) -> bool:
    """Does it miss the plan that it names? Without a plan nothing is missed."""
    if "plan" not in evaluation.event:
        return False
    plan = history.first("evaluation.planned", eventId=evaluation.event["plan"])
    assert plan is not None
    event, results = plan.event, evaluation.event["results"]
    measured = [each.get("slice", []) for each in results if each["metric"] == event["metric"]]
    missed = [each for each in event.get("slices", ()) if each not in measured]
    return bool(missed) or not _all_hold(evaluation, event["metric"], event["comparator"], event["threshold"])


def _all_hold(evaluation: Entry, metric: str, comparator: str, threshold: str) -> bool:
    results = [each for each in evaluation.event["results"] if each["metric"] == metric]
    values = [each["value"] for each in results] if any("slice" not in each for each in results) else []
    numbers = [Decimal(each) for each in values]
    return bool(values) and all(each.is_finite() and COMPARATORS[comparator](each, Decimal(threshold)) for each in numbers)


def _of_data(history: History, version: str, asked: Json) -> set[str]:
    if "data" not in asked:
        return set()
    terms = asked["data"]
    things = ancestry(history, version)
    sources = [found.event for kind, digest in things if kind == "data" and (found := data_set(history, digest))]
    models = [found.event for kind, digest in things if kind == "version" and (found := registration(history, digest))]
    stated = [each.get("licence") for each in sources]
    stated += [each["licence"] for each in models if each["version"] != version and "licence" in each]
    rules = set()
    if "licences" in terms and not all(each in terms["licences"] for each in stated):
        rules.add("licence")
    if not all(purpose in each.get("purposes", ()) for purpose in terms.get("purposes", ()) for each in sources):
        rules.add("purpose")
    if not terms.get("allowUnknownAncestry") and any(has_unknown_origin(history, thing) for thing in things):
        rules.add("unknown-ancestry")
    return rules
