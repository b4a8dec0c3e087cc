"""What the index finds by something else than a name: incidents that are open, and runs by the commit of their code."""

from __future__ import annotations

from pathlib import Path

import pytest

from family import V1, Family
from muniment.index import Index

TIME = "2026-11-23T00:00:00.000000Z"


@pytest.fixture
def family(tmp_path: Path) -> Family:
    return Family(tmp_path / "ledger.db")


def follow(family: Family, path: Path) -> Index:
    index = Index(path)
    with family.engine.view() as view:
        index.follow(view)
    return index


def test_an_incident_is_open_until_it_is_closed(family: Family, tmp_path: Path) -> None:
    index = follow(family, tmp_path / "index.db")
    known = {row.event.event_id for row in index.open_incidents()}
    first = family.say("held", "incident.recorded", severity="high", awareAt=TIME, version=V1, hold=True)
    second = family.say("seen", "incident.recorded", severity="low", awareAt=TIME, version=V1, hold=False)
    index = follow(family, tmp_path / "index.db")
    found = [row for row in index.open_incidents() if row.event.event_id not in known]
    assert [(row.event.event_id, row.hold) for row in found] == [(second, False), (first, True)]
    assert len(index.open_incidents(limit=1)) == 1
    family.say("over", "incident.closed", incident=first, version=V1)
    again = follow(family, tmp_path / "index.db")
    assert [row.event.event_id for row in again.open_incidents() if row.event.event_id not in known] == [second]
    fresh = follow(family, tmp_path / "another.db")
    assert fresh.open_incidents() == again.open_incidents()


def test_a_run_is_found_by_the_beginning_of_its_commit(family: Family, tmp_path: Path) -> None:
    run = family.say("run by commit", "training.started", model="credit-risk", gitCommit="0abc" + "1" * 36)
    family.say("run by another", "training.started", model="credit-risk", gitCommit="0abd" + "1" * 36)
    index = follow(family, tmp_path / "index.db")
    assert [(row.event.event_id, row.commit[:4]) for row in index.runs_at("0abc111")] == [(run, "0abc")]
    assert len(index.runs_at("0ab")) == 2
    assert index.runs_at("0abe") == []
    assert len(index.runs_at("0ab", limit=1)) == 1
