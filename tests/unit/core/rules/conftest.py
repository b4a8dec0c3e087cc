"""A ledger in memory for every test of the rules."""

from __future__ import annotations

import pytest

from machine import Machine


@pytest.fixture
def machine() -> Machine:
    """A new ledger in memory: Ada and the service ci may write everything, Bob notes, Eve nothing."""
    return Machine()


@pytest.fixture
def registered(machine: Machine) -> Machine:
    """The same with a data set (entry 1) and two versions of model m (entries 3 and 5)."""
    machine.say("dataset.registered", name="loans", data="d" * 64, bytes=1, files=1)
    machine.say("model.registered", model="m", version="a" * 64, derivation="trained", data=["d" * 64])
    machine.say("model.registered", model="m", version="b" * 64, derivation="finetuned", parents=["a" * 64])
    return machine
