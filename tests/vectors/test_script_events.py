"""The verification script reads every event that there can be, and refuses what was changed in it, as the first verifier does."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cases import Case, canonical
from muniment.core.rules import events
from muniment.core.rules.events import Event
from muniment.errors import InvalidInput
from scripting import run
from strategies import events as any_events

WORDS: tuple[Any, ...] = ("", "x", "1e401", 0, -1, True, [], ["b", "a"], {}, {"sealed": "x"}, "version/" + "0" * 64, None, 1.5)


def change(payload: bytes, chance: random.Random) -> bytes:
    """A field dropped, doubled, replaced or put elsewhere, somewhere in the statement."""
    document = json.loads(payload)
    holders = [document]
    for holder in holders:
        inner = holder.values() if isinstance(holder, dict) else holder
        holders.extend(each for each in inner if isinstance(each, dict | list) and each)
    holder = chance.choice(holders)
    key = chance.choice(sorted(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
    value = holder[key]
    match chance.randrange(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.append(value)
        case 1:
            holder[chance.choice(("about", "of", "data", "reason", "zeta"))] = value
        case 2 if isinstance(holder, list):
            holder.reverse()
        case _:
            holder[key] = chance.choice(WORDS)
    return canonical(document)


def verdict(payload: bytes) -> Case:
    """What the first verifier says, in the words of the runner."""
    try:
        event = events.decode(payload)
    except InvalidInput as error:
        return {"step": 1, "code": error.code}
    return {"gave": [{"digest": {"sha256": each.sha256}, "name": each.name} for each in events.subjects(event)]}


@given(listed=st.lists(any_events(ledger="1" * 64, actor="ada"), min_size=30, max_size=30), seed=st.integers(0, 2**32))
# To shrink a list would take minutes, and the payload that differs is told as it is.
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate))
def test_any_event_gets_the_same_verdict(listed: list[Event], seed: int) -> None:
    chance = random.Random(seed)
    payloads = [events.encode(event) for event in listed]
    payloads += [change(each, chance) for each in payloads for _ in range(5)]
    found = run([{"run": "event", "raw": base64.b64encode(each).decode()} for each in payloads])
    for payload, each in zip(payloads, found, strict=True):
        assert {key: value for key, value in each.items() if key != "field"} == verdict(payload), payload
