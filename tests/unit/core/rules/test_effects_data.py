"""Effects of data sets."""

from __future__ import annotations

from machine import Machine

A, B, C, LOANS = "a" * 64, "b" * 64, "c" * 64, "d" * 64


def register(machine: Machine, data: str, name: str = "loans", **fields: object) -> bytes:
    """A signed registration."""
    return machine.sign("dataset.registered", name=name, data=data, bytes=1, files=1, **fields)


def test_a_data_set_is_registered_with_its_terms(machine: Machine) -> None:
    terms = {"licence": "CC-BY-4.0", "purposes": ["credit", "research"], "personalData": "no"}
    machine.block(register(machine, A, **terms), register(machine, B), register(machine, C, "other"))
    assert machine.state(f"data/{A}") == {"name": "loans", "ordinal": 1, **terms}
    assert machine.state(f"data/{B}") == {"name": "loans", "ordinal": 2}
    assert machine.state(f"data/{C}") == {"name": "other", "ordinal": 1}
    assert machine.state("dataset/loans") == {"count": 2, "latest": B}


def test_the_same_again_gives_the_first_and_another_name_is_refused(machine: Machine) -> None:
    machine.block(register(machine, A))
    before = machine.position
    (again,) = machine.block(register(machine, A, rows=2))
    assert (again.decision, again.index) == ("repeated", 1)
    (others,) = machine.block(register(machine, A, licence="CC0-1.0", purposes=["x", "y"]))
    assert [reason.rule for reason in others.reasons] == ["once", "once"]
    assert others.reasons[0].found == "loans@1 is recorded with licence not stated, and the event says CC0-1.0."
    (other,) = machine.block(register(machine, A, "other"))
    assert [reason.rule for reason in other.reasons] == ["once"]
    assert "loans@1" in other.reasons[0].found
    assert machine.position == before
    first, second = machine.block(register(machine, B), register(machine, B))
    assert (second.decision, second.index) == ("repeated", first.index)


def test_what_goes_in_and_out_of_a_transformation_exists(registered: Machine) -> None:
    fields = {"operation": "clean", "inputs": [LOANS], "outputs": [A]}
    assert registered.refusals("dataset.transformed", **fields) == ["unknown"]
    assert registered.refusals("dataset.transformed", **{**fields, "inputs": [A], "outputs": [B]}) == ["unknown", "unknown"]
    registered.block(register(registered, A))
    index = registered.position.frontier.size
    registered.say("dataset.transformed", **fields)
    assert registered.state(f"data/{A}") == {"made": index, "name": "loans", "ordinal": 2}
    assert registered.state(f"data/{LOANS}") == {"name": "loans", "ordinal": 1}


def test_a_data_set_has_one_producer(registered: Machine) -> None:
    registered.block(register(registered, A), register(registered, B))
    registered.say("dataset.transformed", operation="clean", inputs=[LOANS], outputs=[A])
    assert registered.refusals("dataset.transformed", operation="join", inputs=[LOANS], outputs=[A, B]) == ["once"]
    assert "made" not in registered.state(f"data/{B}")


def test_a_withdrawal_is_dated_by_its_first(registered: Machine) -> None:
    assert registered.refusals("dataset.withdrawn", data=A, cause="consent") == ["unknown"]
    index = registered.position.frontier.size
    registered.say("dataset.withdrawn", data=LOANS, cause="consent")
    registered.say("dataset.withdrawn", data=LOANS, cause="licence")
    assert registered.state(f"data/{LOANS}")["withdrawn"] == index
    assert registered.record(f"data/{LOANS}")["count"] == 4  # type: ignore[index]
