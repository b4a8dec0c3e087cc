"""Laws of questions: whatever was made of whatever, up and down agree with a plain search, and every stream can be shown whole."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

import makers
from asking import ask_twice
from muniment.core.proof.inquiry import (
    HistoryFindings,
    HistoryQuestion,
    ImpactFindings,
    ImpactQuestion,
    LineageFindings,
    LineageQuestion,
)
from muniment.core.proof.trust import Trust
from muniment.ledger.embedded import Embedded


class Graph(NamedTuple):
    """A ledger and the plain edges that were recorded in it: (what it was made of, what was made)."""

    engine: Embedded
    trust: Trust
    edges: frozenset[tuple[str, str]]
    things: tuple[str, ...]


# For each thing: data or version, and by what means it is tied to earlier things, which are picked by number.
picks = st.lists(st.integers(0, 20), max_size=3)
made = st.tuples(st.sampled_from(["data", "parents", "run", "given"]), picks, picks)


def write(folder: Path, plan: list[tuple[str, list[int], list[int]]]) -> Graph:
    """Record the things of a plan, each out of things before it."""
    life = makers.found(folder / "ledger.db")
    data: list[str] = []
    versions: list[str] = []
    edges: set[tuple[str, str]] = set()
    for number, (means, first, second) in enumerate(plan):
        digest = f"{number + 1:064x}"
        inputs = sorted({data[each % len(data)] for each in first}) if data else []
        parents = sorted({versions[each % len(versions)] for each in second}) if versions else []
        if means == "data":
            life.append(life.sign("dataset.registered", name=f"d-{number}", data=digest, bytes=1, files=1))
            if inputs:
                life.append(life.sign("dataset.transformed", operation="join", inputs=inputs, outputs=[digest]))
                edges |= {(f"data/{each}", f"data/{digest}") for each in inputs}
            data.append(digest)
            continue
        fields: dict[str, object] = {"model": "m", "version": digest, "derivation": "trained"}
        if means == "run":
            fields["run"] = run = makers.next_id()
            roles = [{"data": each, "role": "test" if place == 1 else "training"} for place, each in enumerate(inputs)]
            life.append(life.sign("training.started", event_id=run, inputs=roles, baseVersions=parents))
            inputs = [each for place, each in enumerate(inputs) if place != 1]
        elif means == "parents":
            fields |= {"parents": parents, "grade": "declared"}
            inputs = []
        else:
            fields |= {"data": inputs, "grade": "declared"}
            parents = []
        life.append(life.sign("model.registered", **fields))
        edges |= {(f"data/{each}", f"version/{digest}") for each in inputs}
        edges |= {(f"version/{each}", f"version/{digest}") for each in parents}
        versions.append(digest)
    things = (*[f"data/{each}" for each in data], *[f"version/{each}" for each in versions])
    return Graph(life.engine, Trust(makers.ORIGIN, life.ledger, (makers.VERIFIER,)), frozenset(edges), things)


def reach(edges: frozenset[tuple[str, str]], start: str) -> set[str]:
    """All that was made of a thing, itself included, by repeating until nothing is new."""
    found = {start}
    while more := {lower for upper, lower in edges if upper in found} - found:
        found |= more
    return found


@given(plan=st.lists(made, min_size=1, max_size=9))
@settings(max_examples=25, deadline=None)
def test_lineage_and_impact_are_the_plain_search(plan: list[tuple[str, list[int], list[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        graph = write(Path(folder), plan)
        upside = frozenset((lower, upper) for upper, lower in graph.edges)
        for thing in graph.things:
            down = ask_twice(graph, LineageQuestion(direction="down", of=thing)).result.findings
            up = ask_twice(graph, LineageQuestion(direction="up", of=thing)).result.findings
            impact = ask_twice(graph, ImpactQuestion(of=thing)).result.findings
            assert isinstance(down, LineageFindings)
            assert isinstance(up, LineageFindings)
            assert isinstance(impact, ImpactFindings)
            assert {each.stream for each in down.things} == reach(graph.edges, thing)
            assert {each.stream for each in up.things} == reach(upside, thing)
            assert impact.things == down.things
            unknown = {each for each in reach(upside, thing) if each.startswith("version/") and reach(upside, each) == {each}}
            assert set(up.unknown) == unknown
        graph.engine.close()


@given(plan=st.lists(made, min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_every_stream_can_be_shown_whole(plan: list[tuple[str, list[int], list[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        graph = write(Path(folder), plan)
        for thing in (*graph.things, "acts/ada", "model/m", "actor/ada", "policy"):
            findings = ask_twice(graph, HistoryQuestion(of=thing)).result.findings
            assert isinstance(findings, HistoryFindings)
            missing = {each.stream for each in findings.streams if not each.count}
            # Nobody was refused anything, and a plan without a version makes no model.
            assert missing <= {"attempts/ada", "model/m"}
        graph.engine.close()
