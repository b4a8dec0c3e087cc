"""Effects of deployments: what serves where, and in how many places a version runs."""

from __future__ import annotations

import pytest

import makers
from machine import Machine

A, B, C = "a" * 64, "b" * 64, "c" * 64
STREAM = "deployment/production/m"


def change(transition: str, version: str, **fields: object) -> dict[str, object]:
    """The fields of a change of the one deployment."""
    return {"transition": transition, "environment": "production", "name": "m", "version": version, **fields}


def running(machine: Machine) -> tuple[int, int]:
    """In how many places each version runs."""
    one, two = (machine.state(f"version/{version}").get("running", 0) for version in (A, B))
    return one, two


def test_a_whole_life(registered: Machine) -> None:
    steps: list[tuple[str, str, str | None, tuple[int, int], str]] = [
        ("start", A, None, (1, 0), "running"),
        ("scale", A, None, (1, 0), "running"),
        ("promote", B, A, (0, 1), "running"),
        ("promote", B, None, (0, 1), "running"),
        ("rollback", A, B, (1, 0), "running"),
        ("stop", A, None, (0, 0), "stopped"),
        ("start", B, None, (0, 1), "running"),
    ]
    since = 0
    for transition, version, replaces, counts, status in steps:
        index = registered.position.frontier.size
        since = since if transition == "scale" else index
        registered.say("deployment.changed", **change(transition, version, **({"replaces": replaces} if replaces else {})))
        assert registered.state(STREAM) == {
            "ordinal": 1 if version == A else 2,
            "since": since,
            "status": status,
            "transition": transition,
            "version": version,
        }
        assert running(registered) == counts


def test_a_version_runs_in_several_places(registered: Machine) -> None:
    for place in ("test", "production", "b"):
        registered.say("deployment.changed", **{**change("start", A), "environment": place})
    registered.say("deployment.changed", **{**change("start", A), "name": "m/canary"})
    assert running(registered) == (4, 0)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        (change("promote", B), "replaces"),
        (change("promote", B, replaces=B), "replaces"),
        (change("start", A, replaces=A), "replaces"),
        (change("rollback", B, replaces=C), "replaces"),
        (change("stop", B), "recorded-version"),
        (change("scale", B), "recorded-version"),
        # What a continuing transition says that it replaces would be counted down, though it never ran there.
        (change("scale", A, replaces=B), "replaces"),
        (change("scale", A, replaces=A), "replaces"),
        (change("stop", A, replaces=B), "replaces"),
    ],
)
def test_nobody_deploys_over_an_unseen_change(registered: Machine, fields: dict[str, object], rule: str) -> None:
    registered.say("deployment.changed", **change("start", A))
    assert registered.refusals("deployment.changed", **fields) == [rule]
    assert running(registered) == (1, 0)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        (change("scale", A), "recorded-version"),
        (change("stop", A), "recorded-version"),
        (change("start", A, replaces=B), "replaces"),
        (change("start", C), "unknown"),
    ],
)
def test_nothing_runs_before_it_is_started(registered: Machine, fields: dict[str, object], rule: str) -> None:
    assert registered.refusals("deployment.changed", **fields) == [rule]
    registered.say("deployment.changed", **change("start", B))
    registered.say("deployment.changed", **change("stop", B))
    assert registered.refusals("deployment.changed", **fields) == [rule]


def test_what_a_deployment_relies_on_exists(registered: Machine) -> None:
    cited = {kind: [makers.next_id()] for kind in ("approvals", "evaluations", "waivers")}
    assert registered.refusals("deployment.changed", **change("start", A, **cited)) == ["unknown"] * 3
    of = {"version": A, "environment": "production"}
    approval = registered.say("approval.decided", of=of, decision="approve", meaning="approval")
    # An approval is no evaluation, though both are known by an event id.
    assert registered.refusals("deployment.changed", **change("start", A, evaluations=[approval])) == ["unknown"]
    registered.say("deployment.changed", **change("start", A, approvals=[approval]))


def test_what_is_observed_was_deployed(registered: Machine) -> None:
    seen = {"environment": "production", "name": "m", "seen": A, "means": "file-hash", "matches": True}
    assert "unknown" in registered.refusals("deployment.observed", **seen)
    registered.say("deployment.changed", **change("start", A))
    before = registered.state(STREAM)
    registered.say("deployment.observed", **seen)
    assert registered.state(STREAM) == before
    assert registered.record(STREAM)["count"] == 2  # type: ignore[index]


@pytest.mark.parametrize(("seen", "stopped", "matches"), [(A, False, True), (B, False, False), (A, True, False)])
def test_what_is_observed_is_compared_with_the_record(registered: Machine, seen: str, stopped: bool, matches: bool) -> None:
    registered.say("deployment.changed", **change("start", A))
    if stopped:
        registered.say("deployment.changed", **change("stop", A))
    fields = {"environment": "production", "name": "m", "seen": seen, "means": "file-hash"}
    (reason,) = registered.reasons("deployment.observed", **fields, matches=not matches)
    assert reason.rule == "matches"
    registered.say("deployment.observed", **fields, matches=matches)
