"""evidence.json: the file of each kind of split view, files that accuse wrongly, and pins."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from muniment.core.format import encoding, keys
from muniment.core.proof import authority, evidence
from muniment.core.proof.evidence import Evidence, Prove, SplitView
from muniment.core.proof.trust import Trust
from muniment.errors import NotFound
from published import rogues
from published.book import Book
from published.cast import ORIGIN, VERIFIER, Json, moment
from published.proofs import edit
from published.rogues import sign


def write() -> Json:
    """Two histories of one small ledger, compared in every way."""
    one, other = _grow(1, 2, 3), _grow(1, 7, 8, 9)
    four, six = _grow((1, 2)), _grow((1, 7), 8)
    trust = Trust(ORIGIN, one.ledger, (VERIFIER,))
    found = {
        "same-size": _split(trust, one.pages[2], other.pages[2], other.consistency),
        "inconsistent": _split(trust, one.pages[2], other.pages[4], other.consistency),
        "inconsistent, from a power of two": _split(trust, four.pages[1], six.pages[2], six.consistency),
        "tail-cut": _split(trust, one.pages[3], one.pages[1], one.consistency),
        "rollback": _split(trust, one.pages[3], other.pages[2], _nothing),
        "unproved": _split(trust, one.pages[2], other.pages[4], _nothing),
    }
    return {
        "about": "docs/spec 11.4. The file is the canonical JSON of `evidence` and a newline.",
        "trust": {"origin": ORIGIN, "ledger": one.ledger, "logKeys": [keys.format(VERIFIER)]},
        "good": [{"name": name, "kind": each.kind, "evidence": as_json(each)} for name, each in found.items()],
        "bad": _list_bad(found, one),
        "badFiles": [{"name": name, "evidence": each, "code": code} for name, each, code in _list_files(found["tail-cut"])],
        "pins": _list_pins(one, trust),
    }


def as_json(value: msgspec.Struct) -> object:
    """A file as plain JSON."""
    return encoding.decode(encoding.encode_struct(value))


def _grow(*blocks: int | Sequence[int]) -> Book:
    """A ledger whose blocks hold the events with these numbers."""
    book = rogues.found()
    for height, numbers in enumerate(blocks, 1):
        listed = [numbers] if isinstance(numbers, int) else numbers
        book.seal(moment(height), [sign(book, number) for number in listed])
    return book


def _nothing(old: int, new: int) -> Sequence[bytes]:
    raise NotFound(f"there is no proof from {old} to {new}")


def _split(trust: Trust, pinned: object, shown: object, prove: Prove) -> Evidence:
    """What a client finds at a contact."""
    before = authority.open_head(pinned.checkpoint, trust)  # type: ignore[attr-defined]
    now = authority.open_head(shown.checkpoint, trust)  # type: ignore[attr-defined]
    try:
        evidence.check(evidence.pin(before), now, prove, contact=True)
    except SplitView as split:
        return split.evidence
    raise AssertionError("there is no contradiction")


def _list_bad(found: dict[str, Evidence], book: Book) -> list[Json]:
    """Files that accuse somebody of what they do not show."""
    cut, roots = found["tail-cut"], found["inconsistent"]
    turned = {"pinned": cut.shown, "shown": cut.pinned}
    honest = {"pinned": book.pages[1].checkpoint.decode(), "shown": book.pages[1].checkpoint.decode()}
    cases = (
        ("the same root twice", cut, {"kind": "same-size", **honest}, 5, "evidence"),
        ("not of one size", cut, {"kind": "same-size"}, 5, "evidence"),
        ("consistent after all", cut, {"kind": "unproved"}, 5, "evidence"),
        ("a shorter one that was shown before", cut, turned, 5, "evidence"),
        ("no rollback", cut, {"kind": "rollback", **turned}, 5, "evidence"),
        ("another root, not proved", roots, {"oldRoot": "0" * 64}, 5, "evidence"),
        ("no other root", roots, {"oldRoot": None}, 5, "evidence"),
        ("not the same history", roots, {"kind": "tail-cut", "oldRoot": None}, 5, "evidence"),
        ("a root that nobody signed", cut, {"shown": cut.shown.replace("\n3\n", "\n4\n")}, 3, "log-signature"),
    )  # fmt: skip
    listed: list[Json] = []
    for name, base, changes, step, code in cases:
        given = {key: value for key, value in {**as_json(base), **changes}.items() if value is not None}  # type: ignore[dict-item]
        assert given != as_json(base), name
        listed.append({"name": name, "evidence": given, "step": step, "code": code})
    return listed


def _list_files(good: Evidence) -> list[tuple[str, Json, str]]:
    given = as_json(good)
    assert isinstance(given, dict)
    return [
        ("another format", {**given, "format": "urn:muniment:evidence:v2"}, "schema"),
        ("another kind", {**given, "kind": "feeling"}, "schema"),
        ("another field", {**given, "by": "me"}, "schema"),
        ("no note", {**given, "pinned": "nothing"}, "bad-note"),
        ("a note about something else", {**given, "shown": given["shown"].split("\n", 1)[1]}, "bad-checkpoint"),  # type: ignore[union-attr]
    ]


def _list_pins(book: Book, trust: Trust) -> Json:
    """What a client remembers."""
    good = as_json(evidence.pin(authority.open_head(book.pages[1].checkpoint, trust)))
    assert isinstance(good, dict)
    cases = (
        ("another size", {"size": 9}),
        ("another root", {"root": "0" * 64}),
        ("another origin", {"origin": "example.net/other"}),
    )
    bad = [
        {"name": name, "patch": edit(good, lambda pin, it=changes: pin.update(it)), "code": "pin-note"} for name, changes in cases
    ]  # type: ignore[misc]
    return {"good": good, "bad": bad}
