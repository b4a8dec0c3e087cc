"""state-map.json and history.json: roots and proofs of the verifiable map, and records as of a past header."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from muniment.core.format import encoding, merkle, state_map
from muniment.core.format.state_map import History, Record
from published.book import Book, prove_state
from published.cast import Json, digest, encode64

Link = tuple[int, bytes]
LAST_MANY = 12


def _record(name: str, *indices: int) -> bytes:
    """A record of a stream that folds the entries at these indices."""
    head = state_map.key(name)
    for index in indices:
        head = state_map.fold(head, index, merkle.leaf(str(index).encode()))
    return state_map.encode_record(Record(len(indices), indices[0], head.hex(), indices[-1], msgspec.Raw(b"{}")))


NAMES = [f"system/s{number}" for number in range(LAST_MANY)]
RECORDS = {name: _record(name, number) for number, name in enumerate(NAMES)}


def write_map(book: Book) -> Json:
    """Small maps, their roots, and proofs; the forged ones begin with a good one."""
    sets = [dict(list(RECORDS.items())[:count]) for count in (0, 1, 2, 3, LAST_MANY)]
    return {
        "about": "docs/spec 9.1 and 9.2. A record's bytes are its canonical JSON; the order of `records` means nothing.",
        "keys": [{"name": name, "key": state_map.key(name).hex()} for name in ("policy", "model/credit-risk")],
        "fold": _show_fold(),
        "maps": [_describe(records) for records in sets],
        "ledger": {
            "root": book.pages[-1].header.state,
            "proofs": [_show(book.prove_state(name)) for name in ("model/credit-risk", "policy", "model/fraud")],
        },
        "forged": _list_forged(),
        "badRecords": _list_bad_records(),
    }


def _root(records: dict[str, bytes]) -> bytes:
    keyed = ((state_map.key(name), raw) for name, raw in records.items())
    return state_map.bulk(sorted((key, state_map.leaf(key, raw)) for key, raw in keyed))


def _show(proof: state_map.StateProof) -> object:
    return encoding.decode(state_map.encode_proof(proof))


def _show_fold() -> Json:
    head, heads = state_map.key("policy"), []
    for index in (0, 7, 2**53 - 1):
        leaf = merkle.leaf(str(index).encode())
        head = state_map.fold(head, index, leaf)
        heads.append({"index": index, "leaf": leaf.hex(), "head": head.hex()})
    return {"name": "policy", "heads": heads}


def _describe(records: dict[str, bytes]) -> Json:
    present = list(records)[:2]
    proofs = [_show(prove_state(records, name)) for name in (*present, "system/absent", "policy")]
    return {
        "records": {name: encoding.decode(raw) for name, raw in records.items()},
        "root": _root(records).hex(),
        "proofs": proofs,
    }


def _list_forged() -> list[Json]:
    """Every way in which a proof fails, in the order in which they are looked for."""
    root = _root(RECORDS)
    there = prove_state(RECORDS, "system/s1")
    gone = prove_state(RECORDS, "system/absent")
    assert gone.other is not msgspec.UNSET
    replace = msgspec.structs.replace
    depths, siblings = there.depths, there.siblings
    own = state_map.Other(state_map.key("system/s1").hex(), digest("x"))
    elsewhere = replace(prove_state(RECORDS, "system/s2"), name="system/absent")
    other = state_map.Other(state_map.key("system/s2").hex(), digest("x"))
    cases = (
        ("present and absent at once", replace(there, other=gone.other), "state-shape"),
        ("a path that leads nowhere", replace(there, value=msgspec.UNSET), "state-shape"),
        ("a sibling too few", replace(there, siblings=siblings[:-1]), "state-siblings"),
        ("a depth too many", replace(there, depths=(*depths, 255)), "state-siblings"),
        ("depths that descend", replace(there, depths=depths[::-1]), "state-depths"),
        ("a depth twice", replace(there, depths=(*depths[:-1], depths[-2])), "state-depths"),
        ("a depth of 256", replace(there, depths=(*depths[:-1], 256)), "state-depths"),
        ("a sibling of 31 bytes", replace(there, siblings=(*siblings[:-1], siblings[-1][:31])), "state-siblings"),
        ("absent by its own record", replace(gone, name="system/s1", other=own), "state-absence"),
        ("absent by a record elsewhere", replace(elsewhere, value=msgspec.UNSET, other=other), "state-absence"),
        ("another record", replace(there, value=msgspec.Raw(RECORDS["system/s2"])), "state-root"),
        ("another name", replace(there, name="system/s2"), "state-root"),
        ("the empty map", replace(gone, other=msgspec.UNSET, depths=(), siblings=()), "state-root"),
        ("another map", prove_state(dict(list(RECORDS.items())[:3]), "system/s1"), "state-root"),
    )
    return [{"name": name, "root": root.hex(), "proof": _show(proof), "step": 11, "code": code} for name, proof, code in cases]


def _list_bad_records() -> list[Json]:
    good = encoding.decode(RECORDS["system/s1"])
    assert isinstance(good, dict)
    cases: tuple[tuple[str, Json, str], ...] = (
        ("no entry", {"count": 0}, "schema"),
        ("three entries in two places", {"count": 3, "first": 1, "last": 2}, "record-indices"),
        ("one entry in two places", {"count": 1, "first": 1, "last": 2}, "record-indices"),
        ("backwards", {"count": 2, "first": 2, "last": 1}, "record-indices"),
        ("a state that is no object", {"state": []}, "schema"),
        ("another field", {"extra": 1}, "schema"),
        ("too long", {"state": {"a": "x" * 4_096}}, "too-long"),
    )
    return [{"name": name, "record": {**good, **changes}, "code": code} for name, changes, code in cases]


STREAM = "deployment/production/credit-risk"
LINKS: tuple[Link, ...] = tuple((index, merkle.leaf(str(index).encode())) for index in (3, 5, 8, 9, 12))
BOUNDS = {3: "absent", 4: "earlier", 8: "earlier", 9: "earlier", 12: "earlier", 13: "same", 100: "same"}


def write_history() -> Json:
    """One stream with five entries, asked for at every kind of bound."""
    record = state_map.decode_record(_record(STREAM, *[index for index, _ in LINKS]))
    good = []
    for bound, start in ((4, 1), (6, 1), (8, 2), (9, 1), (9, 3), (12, 4)):
        history = state_map.prove_history(STREAM, LINKS, bound, start)
        past = state_map.check_history(STREAM, record, bound, history)
        head = past.head.hex()
        shown = {"count": past.count, "first": past.first, "head": head, "last": past.last, "start": past.start}
        good.append({"bound": bound, **_describe_history(history), "past": shown})
    return {
        "about": "docs/spec 9.3. `bound` is the past header's size + 1. Leaf hashes are over the index as decimal text.",
        "name": STREAM,
        "record": encoding.decode(state_map.encode_record(record)),
        "standings": [{"bound": bound, "standing": standing} for bound, standing in BOUNDS.items()],
        "good": good,
        "bad": _list_bad_history(record),
    }


def _describe_history(history: History) -> Json:
    return {
        "before": encode64(history.before),
        "events": [_describe_link(link) for link in history.events],
        "later": [_describe_link(link) for link in history.pairs],
    }


def _describe_link(link: Link) -> Json:
    return {"index": link[0], "leaf": link[1].hex()}


def _list_bad_history(record: Record) -> list[Json]:
    """Every way in which a history fails."""
    whole = state_map.prove_history(STREAM, LINKS, 9)
    part = state_map.prove_history(STREAM, LINKS, 9, 2)
    key = state_map.key(STREAM)
    (one, two, three), (four, five) = whole.events, whole.pairs
    moved = (4, two[1])
    short = (five[0], five[1][:31])

    def made(events: Sequence[Link], pairs: Sequence[Link], before: bytes = key) -> History:
        return History(before, tuple(events), tuple(pairs))

    cases = (
        ("no history is needed", 13, whole, "history-standing"),
        ("no event", 9, made([], LINKS), "history-count"),
        ("more than there are", 9, made([one, one, two, three], [four, five]), "history-count"),
        ("out of order", 9, made([two, one, three], [four, five]), "history-order"),
        ("another first entry", 9, made([moved, two, three], [four, five]), "history-order"),
        ("before the stream can have come so far", 9, made([one, three], [four, five], part.before), "history-order"),
        ("another last entry", 9, made([one, two, three], [four, (13, five[1])]), "history-order"),
        ("a leaf of 31 bytes", 9, made([one, two, three], [four, short]), "history-order"),
        ("an event beyond the bound", 9, made([one, two, three, four], [five]), "history-bound"),
        ("a later entry below the bound", 9, made([one, two], [three, four, five]), "history-bound"),
        ("nothing later", 9, made([one, two, three, four, five], []), "history-bound"),
        ("another beginning", 9, made([one, two, three], [four, five], part.before), "history-start"),
        ("a short beginning", 9, made([two, three], [four, five], part.before[:31]), "history-start"),
        ("another entry", 9, made([one, (6, two[1]), three], [four, five]), "history-head"),
        ("another head before", 9, made([two, three], [four, five], key), "history-head"),
    )
    return [
        {"name": name, "bound": bound, **_describe_history(history), "step": 11, "code": code}
        for name, bound, history, code in cases
    ]
