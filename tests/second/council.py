"""The members of a consortium (docs/spec 4.1, 4.2, 6.4 and 6.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from second.forms import Json, sha256

MOST_MEMBERS = 64
MOST_FAULTS = 64

State = Callable[[str], Json | None]
"""The state of a stream, or None."""


def address(key: str) -> str:
    """Page 4.1."""
    return sha256(bytes.fromhex(key))[:20].hex()


def founding_states(genesis: Json) -> dict[str, Json]:
    """Page 5: what the genesis of a consortium records of its members."""
    members = genesis.get("members", [])
    states: dict[str, Json] = {}
    if members:
        states["members"] = {"active": [each["organisation"] for each in members]}
        if "publisher" in genesis:
            states["members"]["publisher"] = genesis["publisher"]
    for each in members:
        name, key, cosigner = each["organisation"], each["key"], each["cosigner"]
        states[f"member/{name}"] = {"cosigner": cosigner, "index": 0, "key": key, "status": "active"}
        states[f"validator/{address(key)}"] = {"key": key, "member": name}
        states[f"cosigner/{cosigner}"] = {"member": name}
    return states


def is_free(state: State, e: Json, purpose: str) -> bool:
    """Page 6.4: may the key that the event names for a purpose serve it?"""
    key = e[purpose]
    votes, cosigns = state(f"validator/{address(key)}"), state(f"cosigner/{key}")
    publisher = (state("members") or {}).get("publisher")
    holders = {
        "validatorKey": (votes or {}).get("member"),
        "cosignerKey": (cosigns or {}).get("member"),
        "publisherKey": publisher["organisation"] if publisher is not None and publisher["key"] == key else None,
    }
    serves = {
        "validatorKey": votes is not None,
        "cosignerKey": cosigns is not None,
        "publisherKey": publisher is not None and publisher["key"] == key,
    }
    own = holders[purpose] in (None, e["member"]) and (purpose != "validatorKey" or votes is None or votes["key"] == key)
    return own and not any(serves[other] for other in serves if e.get(other) != key)


def validators_of(state: State) -> Json:
    """Page 6.5: what a header carries whose block changed the members."""
    recorded = state("members") or {}
    listed = []
    for name in recorded["active"]:
        member = state(f"member/{name}") or {}
        listed.append({"cosigner": member["cosigner"], "key": member["key"], "organisation": name})
    return {"members": listed} | {key: item for key, item in recorded.items() if key == "publisher"}


def settle(state: State, faults: Iterable[Json]) -> list[Json]:
    """Page 6.5: one of each address, height and kind, with whose validator that is or was."""
    known: dict[tuple[str, int, str], Json] = {}
    for fault in faults if state("members") is not None else ():
        plain = {name: item for name, item in fault.items() if name != "organisation"}
        place = fault["address"], fault["height"], fault["kind"]
        if place not in known or plain["time"] < known[place]["time"]:
            known[place] = plain
    waiting, taken = sorted(known), list[tuple[str, int, str]]()
    while waiting and len(taken) < MOST_FAULTS:
        # A round: the first that is left of each address.
        turn = [next(place for place in waiting if place[0] == address) for address in sorted({place[0] for place in waiting})]
        taken += turn[: MOST_FAULTS - len(taken)]
        waiting = [place for place in waiting if place not in turn]
    found = [known[place] for place in sorted(taken)]
    for fault in found:
        validator = state(f"validator/{fault['address']}")
        if validator is not None:
            fault["organisation"] = validator["member"]
    return found
