"""The walk upwards: what a version was made of, how it got there, and where the walk ends."""

from __future__ import annotations

import itertools

import pytest

from machine import Bank, World, production
from muniment.core.rules import ancestry
from muniment.core.rules.ancestry import Parent, Step
from muniment.core.rules.effects import deployment
from muniment.core.rules.policy import DataTerms

A, B, C = "a" * 64, "b" * 64, "c" * 64
D, E, F = "d" * 64, "e" * 64, "f" * 64


@pytest.fixture
def bank() -> Bank:
    """No environment asks for anything."""
    return Bank()


def register(bank: Bank, version: str, **fields: object) -> str:
    """A version without a run."""
    return bank.say("model.registered", model="m", version=version, derivation="merged", **fields)


def walked(bank: Bank, version: str) -> list[str]:
    """The first letters of the things of an ancestry, in order."""
    return [step.stream.rpartition("/")[2][0] for step in ancestry.walk(World(bank), version).steps]


def test_what_was_named_is_walked_breadth_first_each_thing_once(bank: Bank) -> None:
    for data in (D, E, F):
        bank.data(data)
    bank.say("dataset.transformed", operation="join", inputs=[E, F], outputs=[D])
    register(bank, A, data=[D])
    run = bank.train(version=B, baseVersions=[A], inputs=[{"data": E, "role": "training"}, {"data": F, "role": "test"}])
    register(bank, C, parents=[A, B])
    found = ancestry.walk(World(bank), C)
    assert found.steps == (
        Step(f"version/{C}"),
        Step(f"version/{A}", f"version/{C}", "merged"),
        Step(f"version/{B}", f"version/{C}", "merged"),
        Step(f"data/{D}", f"version/{A}", "training"),
        Step(f"data/{E}", f"version/{B}", "training", f"run/{run}"),
        Step(f"data/{F}", f"data/{D}", "join"),
    )
    assert (found.unknown, found.exceeded) == ((), "")
    assert found.path(f"data/{F}") == (f"version/{C}", f"version/{A}", f"data/{D}", f"data/{F}")
    assert found.path(f"version/{C}") == (f"version/{C}",)


def test_an_origin_is_what_one_event_named(bank: Bank) -> None:
    bank.data()
    run = bank.train(version=A, inputs=[{"data": D, "role": "training"}, {"data": D, "role": "validation"}])
    register(bank, B, parents=[A], licence="MIT")
    world = World(bank)
    made = ancestry.origin_of(world, f"version/{A}")
    assert made.parents == (Parent(f"data/{D}", "training", f"run/{run}"), Parent(f"data/{D}", "validation", f"run/{run}"))
    assert ancestry.origin_of(world, f"version/{B}").licence == "MIT"
    assert ancestry.origin_of(world, f"data/{D}") == ancestry.Origin()
    assert walked(bank, A) == ["a", "d"]


def test_a_version_of_which_nobody_said_what_it_was_made_of_has_an_unknown_origin(bank: Bank) -> None:
    bank.data()
    register(bank, A)
    bank.train(version=B, inputs=[{"data": D, "role": "test"}])
    register(bank, C, parents=[A, B], data=[D])
    assert ancestry.walk(World(bank), C).unknown == (f"version/{A}", f"version/{B}")


def test_what_only_one_walk_shares_is_not_looked_at_twice(bank: Bank) -> None:
    """A row of diamonds has two ways at each step, and one look at each thing."""
    bank.data(f"{0:064x}")
    for n in range(1, 12):
        bank.data(f"{2 * n:064x}")
        bank.data(f"{2 * n + 1:064x}")
        below = [f"{2 * n - 2:064x}"] + ([f"{2 * n - 1:064x}"] if n > 1 else [])
        for output in (2 * n, 2 * n + 1):
            bank.say("dataset.transformed", operation="join", inputs=below, outputs=[f"{output:064x}"])
    register(bank, A, data=[f"{22:064x}", f"{23:064x}"])
    world = World(bank)
    found = ancestry.walk(world, A)
    assert (len(found.steps), len(world.asked)) == (24, 24)
    assert len(found.path(f"data/{0:064x}")) == 13


def test_data_that_is_said_to_come_from_itself_does_not_go_round_for_ever(bank: Bank) -> None:
    bank.data(D)
    bank.data(E)
    bank.say("dataset.transformed", operation="clean", inputs=[D], outputs=[E])
    bank.say("dataset.transformed", operation="clean", inputs=[E], outputs=[D])
    register(bank, A, data=[D])
    assert walked(bank, A) == ["a", "d", "e"]


# Limits


def chain_of(bank: Bank, length: int, first: int = 0) -> str:
    """A version that was made of `length` - 1 data sets, one out of the other."""
    data = [f"{n:064x}" for n in range(first, first + length - 1)]
    for each in data:
        bank.data(each)
    for source, made in itertools.pairwise(data):
        bank.say("dataset.transformed", operation="clean", inputs=[source], outputs=[made])
    version = f"{first + 0xAAAA:064x}"
    register(bank, version, data=data[-1:])
    return version


def test_an_ancestry_has_so_many_things_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ancestry, "MAX_THINGS", 4)
    bank = Bank(production(data=DataTerms(licences=("MIT",))))
    small, large = chain_of(bank, 4), chain_of(bank, 5, 100)
    found = ancestry.walk(World(bank), large)
    assert (len(found.steps), found.exceeded, found.unknown) == (4, "ancestry-limit", ())
    assert bank.against(version=small) == ["licence"]
    # Nothing that needs the ancestry is judged, and nothing waives the limit.
    (reason,) = bank.deploy(version=large)
    assert reason.rule == "ancestry-limit"
    assert reason.sentence() == (
        "What a version was made of is looked through whole. m@2 was made of more things than are looked at for one event."
    )
    assert bank.refusals("waiver.granted", rule="ancestry-limit", version=large, **SCOPE) == ["waiver"]


def test_a_block_walks_so_many_things_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "MAX_THINGS_OF_BLOCK", 6)
    bank = Bank()
    one, two = chain_of(bank, 3), chain_of(bank, 4, 100)

    def start(version: str, name: str) -> bytes:
        return bank.sign("deployment.changed", transition="start", environment="p", name=name, version=version)

    # Every walk counts all its things, those that another one has looked at too.
    verdicts = bank.block(start(one, "a"), start(one, "b"), start(two, "c"), start(one, "d"))
    rules = [[reason.rule for reason in verdict.reasons] for verdict in verdicts]
    assert rules == [[], [], ["ancestry-block-limit"], ["ancestry-block-limit"]]
    assert verdicts[2].reasons[0].mend == "Submit it again by itself."
    assert bank.against(version=two) == []


SCOPE = {"environment": "production", "expiresAt": "2027-01-01T00:00:00.000000Z"}


def test_a_thick_ancestry_takes_little_memory(bank: Bank) -> None:
    """A million steps upwards, as a member may record them, must not take the memory of every node."""
    names = [f"{number:064x}" for number in range(120)]
    for at, name in enumerate(names):
        register(bank, name, parents=names[:at])
    found = ancestry.walk(World(bank), names[-1])
    parents = [parent for origin in found.origins.values() for parent in origin.parents]
    assert len(parents) == 120 * 119 // 2
    assert len({id(parent) for parent in parents}) == 119


def test_what_was_made_of_a_thing_in_two_ways_says_which(bank: Bank) -> None:
    bank.data(D)
    run = bank.train(version=A, inputs=[{"data": D, "role": "training"}])
    register(bank, B, data=[D])
    register(bank, C, parents=[A, B])
    origins = ancestry.walk(World(bank), C).origins
    assert origins[f"version/{A}"].parents == (Parent(f"data/{D}", "training", f"run/{run}"),)
    assert origins[f"version/{B}"].parents == (Parent(f"data/{D}", "training"),)
