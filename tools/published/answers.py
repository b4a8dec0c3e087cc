"""answers.json: answers to each kind of question, and how each numbered step fails.

A bad answer is a good one with an edit (RFC 6902), or with other terms: another trust file, an older pin, a later clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from muniment.core.format import checkpoint, dsse, manifest, note, state_map
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.format.statement import Disclosure
from muniment.core.proof import receipt as receipts
from muniment.core.proof.answer import (
    Answer,
    AtQuestion,
    EntryQuestion,
    Result,
    StateQuestion,
)
from muniment.core.proof.verify.serving import list_relied
from muniment.core.rules import events
from muniment.core.rules.records import Approval
from published import gates, questions, rogues
from published.attacks import FRAUD, Terms, list_edits, list_files, list_terms
from published.book import Book
from published.cast import KEYS, Json, encode64, moment
from published.notes import WITNESSED_AT, cosign
from published.proofs import as_json, assemble, edit, links_of, tell_history
from published.scribe import FILES, OTHER_FILES, V1, V2, Scribe

STREAM = "deployment/production/credit-risk"


@dataclass(frozen=True, slots=True)
class Good:
    """A sound answer and the terms under which it holds."""

    answer: Answer
    terms: Terms
    expect: Json


def write(book: Book, scribe: Scribe) -> Json:
    """Good answers, bad ones, and those of rogue operators."""
    good = tell_good(book, scribe)
    asked = questions.list_names()
    plain = {name: as_json(each.answer) for name, each in good.items()}
    bad = []
    for name, source, change, terms, step, code in (
        *list_edits(book, scribe),
        *questions.list_bad(book, scribe),
        *list_terms(book),
    ):
        patch = {"patch": edit(plain[source], change)} if change else {}
        bad.append({"name": name, "from": source, **patch, **good[source].terms, **terms, "step": step, "code": code})
    rogue = [
        {"name": name, "trust": "rogue", "answer": as_json(each), "step": step, "code": code}
        for name, each, step, code in (*rogues.tell(), *questions.tell_rogue())
    ]
    unknown = {"name": "an event that nobody knows yet", "trust": "rogue", "answer": as_json(rogues.tell_unknown()[1])}
    return {
        "about": "docs/spec 10. The file is the canonical JSON of `answer` and a newline. `trust` names a file of trust.json. "
        "Some answers lie under the ledger of ledger.json as it went on.",
        "subjects": {"recorded": manifest.encode(FILES).decode(), "changed": manifest.encode(OTHER_FILES).decode()},
        "pins": _list_pins(book),
        "good": [{"name": name, **each.terms, "answer": plain[name], "expect": each.expect} for name, each in good.items()]
        + [unknown | {"expect": {"height": 1, "statuses": ["recorded"], "tier": "solo", "basis": "asserted", "current": False}}],
        "bad": bad + rogue,
        "badFiles": list_files(plain["header"]) + questions.list_files({name: plain[name] for name in asked}),
    }


def tell_good(book: Book, scribe: Scribe) -> dict[str, Good]:
    """One answer or more to each kind of question."""
    found = {name: _good(answer) for name, answer in (questions.tell_good(book) | gates.tell_good(book, scribe)).items()}
    return _ask_entries(book, scribe) | _ask_states(book, scribe) | _ask_past(book, scribe) | found


def _expect(answer: Answer, **more: object) -> Json:
    result = answer.result
    said: Json = {"height": result.height, "statuses": list(result.statuses), "tier": "solo", "basis": "asserted", "current": False}
    return said | more


def _good(answer: Answer, *, trust: str = "solo", expect: Json | None = None, **terms: object) -> Good:
    return Good(answer, {"trust": trust, **terms}, _expect(answer, **(expect or {})))


def _ask_entries(book: Book, scribe: Scribe) -> dict[str, Good]:
    """What one entry says, and who says it."""
    deployed, approved = scribe.index("deployed"), scribe.index("approved")
    height = book.sealed_by(deployed)
    around = (book.header(height - 1).size, book.header(height).size)
    event = assemble(
        book,
        EntryQuestion(index=deployed),
        Result(height=height, statuses=("recorded",), grade="declared"),
        indices=(approved, *around),
        streams=(f"version/{V1}", *_rely(book, deployed)),
        opened=_open(scribe, "the second review found nothing"),
        files=FILES,
    )
    header = assemble(book, EntryQuestion(index=0), Result(height=0, statuses=("recorded",)))
    witnessed = msgspec.structs.replace(header, receipt=_cosign(header, book, "alpha", "beta"))
    voted = msgspec.structs.replace(header, receipt=_cosign(header, book, "alpha", "beta", signed=False))
    now = {"now": moment(60), "maxAge": 3_600}
    return {
        "entry": _good(event, expect={"subject": {"name": "credit-risk@1", "digest": V1}}),
        "entry, files compared": _good(event, subject="recorded", expect={"subject": {"name": "credit-risk@1", "digest": V1}}),
        "header": _good(header),
        "header, witnessed": _good(witnessed, trust="witnessed", expect={"tier": "witnessed"}),
        "header, replayed": _good(witnessed, trust="replayed", expect={"tier": "witnessed", "basis": "replayed-by"}),
        "header, voted": _good(voted, trust="voted", expect={"tier": "consortium", "basis": "voted"}),
        "header, fresh": _good(header, **now, expect={"current": True}),
        "header, as pinned": _good(header, pin="same"),
        "header, newer than pinned": _good(header, pin="older"),
    }


def _ask_states(book: Book, scribe: Scribe) -> dict[str, Good]:
    """What the newest header says."""
    streams = tuple(sorted((f"approval/{scribe.id('approved')}", FRAUD, STREAM, f"version/{V1}")))
    statuses = tuple("absent" if name == FRAUD else "present" for name in streams)
    state = assemble(book, StateQuestion(streams=streams), Result(height=book.height, statuses=statuses), streams=streams)
    return {"state": _good(state)}


def _ask_past(book: Book, scribe: Scribe) -> dict[str, Good]:
    """The state of a stream at a time."""
    links = links_of(book, STREAM)

    def at(stream: str, label: str, seconds: int, status: str, start: int = 0, *more: str) -> Answer:
        """Half a minute after the block that sealed an event."""
        height = book.sealed_by(scribe.index(label)) if label else 0
        header, after = book.header(height), book.header(height + 1)
        history = tell_history(book, stream, links_of(book, stream), header.size + 1, start) if start else msgspec.UNSET
        return assemble(
            book,
            AtQuestion(stream=stream, time=moment(height, seconds * 1_000_000)),
            Result(height=height, statuses=(status,)),  # type: ignore[arg-type]
            indices=(header.size, after.size, *([0] if stream == "policy" else [])),
            streams=(stream, *more),
            history=history,
        )

    promoted = links.index(scribe.index("promoted")) + 1
    relied = _rely(book, scribe.index("promoted"))
    scaled = at(STREAM, "scaled", 30, "earlier", promoted, f"version/{V2}", f"version/{V1}", *relied)
    latest = assemble(
        book,
        AtQuestion(stream=STREAM, time="2030-01-01T00:00:00.000000Z"),
        Result(height=book.height, statuses=("unchanged",)),
        indices=(scribe.index("started again"),),
        streams=(STREAM, f"version/{V1}", *_rely(book, scribe.index("started again"))),
    )
    stopped = links.index(scribe.index("stopped")) + 1
    return {
        "at": _good(scaled, expect={"subject": {"name": "credit-risk@2", "digest": V2}}),
        "at, from the first event": _good(at("policy", "loans", 0, "earlier", 1)),
        "at, before the first event": _good(at(STREAM, "", 59, "absent")),
        "at, unchanged since": _good(at("dataset/loans-clean", "scaled", 30, "unchanged")),
        "at, while it was stopped": _good(
            at(STREAM, "stopped", 30, "earlier", stopped, f"version/{V1}"),
            expect={"subject": {"name": "credit-risk@1", "digest": V1}},
        ),
        "at, the latest": _good(latest, expect={"subject": {"name": "credit-risk@1", "digest": V1}}),
    }


def _rely(book: Book, index: int) -> Iterator[str]:
    """The records of the approvals that a deployment names, and of the keys that signed them."""
    event = events.decode(dsse.decode(book.entry(index)).payload)
    for stream in list_relied(event):
        state = msgspec.json.decode(state_map.decode_record(book.record(stream) or b"").state, type=Approval)
        yield from (stream, f"key/{state.keyid}")


def _open(scribe: Scribe, text: str) -> list[tuple[str, Disclosure]]:
    return [(sealed, shown) for sealed, shown in scribe.opened.items() if shown.value == text]


def _cosign(answer: Answer, book: Book, *names: str, signed: bool = True, time: int = WITNESSED_AT) -> str:
    """The receipt of an answer with cosignatures, with or without the log's own line."""
    raw = cosign(book.checkpoint, *names, time=time)
    if not signed:
        parsed = note.parse(raw)
        raw = note.format(note.Note(parsed.text, parsed.signatures[1:]))
    return receipts.format(msgspec.structs.replace(receipts.parse(answer.receipt), checkpoint=raw))


def _list_pins(book: Book) -> Json:
    """What a client remembers: the same checkpoint, an older one, one of the future, one of another history."""
    now, then = book.pages[-1], book.pages[3]
    fork = Checkpoint(book.pages[0].header.genesis and book.position.origin, book.size, bytes(32))  # type: ignore[union-attr,arg-type]
    later = msgspec.structs.replace(fork, size=book.size + 5)
    pins = {
        "same": now.checkpoint,
        "older": then.checkpoint,
        "fork": checkpoint.sign(fork, KEYS["log"]),
        "later": checkpoint.sign(later, KEYS["log"]),
        "older fork": checkpoint.sign(msgspec.structs.replace(fork, size=then.header.size + 1), KEYS["log"]),
    }
    size = then.header.size + 1
    proof = [encode64(each) for each in book.consistency(size, book.size)]
    return {
        "notes": {name: raw.decode() for name, raw in pins.items()},
        "consistency": [{"old": size, "new": book.size, "proof": proof}],
    }
