"""paths.json: answers of a consortium, the trust files of its members at each time, and how a trust path fails (docs/spec 11.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from muniment.core.format import checkpoint, entry, keys, note, time
from muniment.core.proof import consortium as councils
from muniment.core.proof import trust as trusts
from muniment.core.proof.answer import Answer, EntryQuestion, Result
from muniment.core.proof.bundle import FORMAT, Bundle, Signpost
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.core.rules.members import Validators, cosigner_name
from muniment.ledger.store import trail
from published import cast
from published.book import Book
from published.cast import KEYS, Json, encode64
from published.consortium import COSIGNED_AT, cosign, tell, tell_return
from published.proofs import Edit, as_json, assemble, edit

TIMES = {"founded": 1, "five": 3, "rotated": 5, "four": 7, "newest": 9}
"""What the members are called at each time, and a height that they judge."""
SHOWN = ("founded", "five", "newest")
RETURN = {"before they left": 1, "between": 3, "after they came back": 5}
"""The same of the ledger to which its founders came back."""


@dataclass(slots=True)
class Cosigned(Book):
    """The same ledger, with the members' lines on its checkpoints."""

    def checkpoint_at(self, height: int) -> bytes:
        """A checkpoint that a quorum of those before it cosigned."""
        return cosign(self.pages[height].checkpoint, self.judges(height))

    def judges(self, height: int) -> Validators:
        """The members who judge a checkpoint."""
        found = self.validators_before(height)
        assert found is not None
        return found


def write() -> Json:
    """Trust files, answers that hold by each of them, and what is refused."""
    whole = tell().scribe.book
    books = {name: _cosigned(whole.until(min(height, len(whole.pages) - 1))) for name, height in TIMES.items()}
    files = {name: _to_trust(book) for name, book in books.items()}
    files["one operator's key"] = Trust(cast.ORIGIN, whole.ledger, (cast.VERIFIER,))
    files["all of them"] = msgspec.structs.replace(files["founded"], quorum=4)
    files["others"] = _strangers(whole)
    plain = {name: as_json(_answer(books[name])) for name in SHOWN} | _list_returned()
    bundle = as_json(_bundle(books["newest"], _answer(books["newest"])))
    return {
        "about": "docs/spec 11.6. `from` names one of `answers`, `trust` one of `trusts`; files are canonical JSON and a newline.",
        "trusts": [{"name": name, "text": trusts.format(each)} for name, each in files.items()],
        "answers": [{"name": name, "answer": each} for name, each in plain.items()],
        "good": _list_good(files, plain),
        "bad": [*_list_bad(books["newest"], plain), *_list_terms(books["newest"], plain)],
        "badFiles": [
            {"name": name, "from": "newest", "patch": edit(plain["newest"], change), "code": "path-form"}
            for name, change in _list_forms()
        ],
        "bundle": {"bundle": bundle, "trusts": ["founded", "five", "four", "newest"]},
        "badBundle": {
            "name": "an answer with a path of its own",
            "patch": edit(bundle, lambda each: each["answers"][0].update(path=each["path"])),  # type: ignore[index]
            "code": "path-form",
        },
    }


def _cosigned(book: Book) -> Cosigned:
    return Cosigned(book.raw_entries, book.pages, book.records, book.by_key, book.known_ids, book.position)


def _to_trust(book: Cosigned) -> Trust:
    return councils.to_trust(cast.ORIGIN, book.ledger, book.judges(len(book.pages) - 1), (cast.VERIFIER,))


def _strangers(book: Book) -> Trust:
    listed = tuple(
        trusts.Cosigner(keys.derive(cosigner_name(cast.ORIGIN, name), KEYS[name].public_key, keys.COSIGNATURE), name, "voted")
        for name in ("alpha", "beta")
    )
    return Trust(cast.ORIGIN, book.ledger, (cast.VERIFIER,), listed, 2)


def _answer(book: Cosigned, **changes: object) -> Answer:
    """That the first event is in the ledger, as of its newest block."""
    height = len(book.pages) - 1
    found = assemble(
        book,
        EntryQuestion(index=1),
        Result(height=1, statuses=("recorded",), grade="declared"),
        indices=(0, 2),
        note=book.checkpoint_at(height),
    )
    return msgspec.structs.replace(found, path=trail.prove_path(book), **changes)


def _list_returned() -> dict[str, Json]:
    """Answers with the whole path over a set that was in force twice."""
    whole = _cosigned(tell_return().scribe.book)
    path = trail.prove_path(whole)
    return {
        name: as_json(msgspec.structs.replace(_answer(_cosigned(whole.until(height))), path=path))
        for name, height in RETURN.items()
    }


def _list_good(files: dict[str, Trust], plain: dict[str, Json]) -> list[Json]:
    """Every answer by every trust file, and some under other terms."""
    names, held = list(TIMES), {"height": 1, "statuses": ["recorded"], "tier": "consortium", "basis": "voted", "current": False}
    listed: list[Json] = []
    for shown in SHOWN:
        for own in names:
            when = {"led": "later" if names.index(shown) > names.index(own) else "former"}
            expect = held if councils.agree(files[shown], files[own]) else held | when
            listed.append({"name": f"{shown} by {own}", "from": shown, "trust": own, "expect": expect})
    solo = held | {"tier": "solo", "basis": "asserted"}
    bare = edit(plain["founded"], lambda answer: answer.pop("path"))
    later = {"led": "later"}
    fresh = {"now": _now(30), "maxAge": 3_600, "expect": held | later | {"current": True}}
    return [
        *listed,
        {"name": "no path, by the file of its time", "from": "founded", "trust": "founded", "patch": bare, "expect": held},
        {"name": "fresh, by an old file", "from": "newest", "trust": "founded", **fresh},
        # The reader asked for that key and for nobody's vote, and it signed.
        {"name": "by one operator's key", "from": "founded", "trust": "one operator's key", "expect": solo},
        {"name": "by others", "from": "newest", "trust": "others", "expect": held | {"led": "former"}},
        *[
            {"name": f"{shown}, by those who came back", "from": shown, "trust": "founded", "expect": expect}
            for shown, expect in zip(RETURN, (held, held | {"led": "former"}, held), strict=True)
        ],
        {"name": "after they came back, by those between", "from": "after they came back", "trust": "five", "expect": held | later},
    ]


def _now(seconds: int) -> str:
    return time.format((COSIGNED_AT + seconds) * 1_000_000)


def _list_bad(book: Cosigned, plain: dict[str, Json]) -> list[Json]:
    """What is wrong with a path."""
    return [
        {"name": name, "from": "newest", "trust": "founded", "patch": edit(plain["newest"], change), "step": step, "code": code}
        for name, change, step, code in _list_edits(book)
    ]


def _list_terms(book: Cosigned, plain: dict[str, Json]) -> list[Json]:
    """What is wrong with who reads it, or who cosigned."""
    bare = edit(plain["newest"], lambda answer: answer.pop("path"))
    two = _lines(book.checkpoint_at(len(book.pages) - 1), lambda lines: [*lines[:2], _log_line(book)])

    def collude(answer: Json) -> None:
        head, _, _ = str(answer["receipt"]).partition("\n\n")
        answer["receipt"] = f"{head}\n\n{two}"

    few: Json = {"step": 4, "code": "quorum"}
    between: Json = {"step": 6, "code": "former-members"}
    aged: Json = {"from": "founded", "trust": "newest", "now": _now(30), "maxAge": 3_600}
    forged: Json = {"from": "newest", "trust": "newest", "patch": edit(plain["newest"], collude)}
    return [
        {"name": "former members about what is new", **aged, "step": 6, "code": "former-members"},
        {"name": "members between about what is new", **aged, "from": "between", "trust": "founded"} | between,
        {"name": "who asks for all of them", "from": "newest", "trust": "all of them"} | few,
        {"name": "no path, by an old file", "from": "newest", "trust": "founded", "patch": bare} | few,
        {"name": "two members, and a log's line", **forged} | few,
    ]


def _log_line(book: Cosigned) -> note.Signature:
    text = note.parse(book.checkpoint_at(len(book.pages) - 1)).text
    return note.sign(text, cast.ORIGIN, cast.LOG).signatures[0]


def _list_edits(book: Cosigned) -> list[tuple[str, Edit, int, str]]:
    quiet = _step(book, 1)

    def step(at: int, **fields: object) -> Edit:
        return lambda answer: answer["path"][at].update(fields)  # type: ignore[index]

    def relined(at: int, change: Callable[[list[note.Signature]], list[note.Signature]]) -> Edit:
        def work(answer: Json) -> None:
            shown = answer["path"][at]  # type: ignore[index]
            shown["note"] = _lines(shown["note"].encode(), change)

        return work

    def path(change: Callable[[list[Json]], object]) -> Edit:
        return lambda answer: change(answer["path"])  # type: ignore[arg-type,return-value]

    def flip(lines: list[note.Signature]) -> list[note.Signature]:
        blob = lines[0].blob[:-1] + bytes([lines[0].blob[-1] ^ 1])
        return [msgspec.structs.replace(lines[0], blob=blob), *lines[1:]]

    genesis = entry.decode_header(book.entry(0))
    forged = entry.encode_header(msgspec.structs.replace(genesis, state="0" * 64))
    log = _log_line(book)
    return [
        ("a forged genesis", step(0, header=encode64(forged)), 2, "path-genesis"),
        ("a step left out", path(lambda steps: steps.pop(1)), 4, "path-line"),
        ("two steps in another order", path(lambda steps: steps.insert(1, steps.pop(2))), 4, "path-line"),
        ("a step twice", path(lambda steps: steps.insert(2, steps[1])), 4, "path-quorum"),
        ("fewer than a quorum", relined(1, lambda lines: lines[1:]), 4, "path-quorum"),
        ("one line twice", relined(1, lambda lines: [*lines[1:], lines[-1]]), 4, "path-line"),
        ("the log's own line", relined(1, lambda lines: [*lines, log]), 4, "path-line"),
        ("a line that fails", relined(1, flip), 4, "cosignature"),
        ("another header", step(1, header=encode64(book.entry(0))), 7, "inclusion-root"),
        ("no consistency", path(lambda steps: steps[1]["consistency"].pop()), 5, "consistency-length"),  # type: ignore[attr-defined]
        ("another tree before", step(1, consistency=[encode64(bytes(32))] * len(_consistency(book))), 5, "consistency-new-root"),
        ("a header that names nobody", path(lambda steps: steps.insert(1, as_json(quiet))), 8, "path-members"),
    ]


def _consistency(book: Cosigned) -> tuple[bytes, ...]:
    return trail.prove_path(book)[1].consistency


def _step(book: Cosigned, height: int) -> Step:
    """A step to a block that changed nobody's membership."""
    raw, size = book.checkpoint_at(height), book.pages[height].header.size + 1
    text = _lines(raw, lambda lines: [each for each in lines if each.name != cast.ORIGIN])
    proof, consistency = book.inclusion(size - 1, size), book.consistency(1, size)
    return Step(header=book.entry(size - 1), note=text, proof=proof, consistency=consistency)


def _lines(raw: bytes, change: Callable[[list[note.Signature]], list[note.Signature]]) -> str:
    parsed = note.parse(raw)
    return note.format(note.Note(parsed.text, tuple(change([*parsed.signatures])))).decode()


def _list_forms() -> list[tuple[str, Edit]]:
    def bare(answer: Json) -> None:
        answer["path"][1].pop("note")  # type: ignore[index]

    def noted(answer: Json) -> None:
        answer["path"][0]["note"] = answer["path"][1]["note"]  # type: ignore[index]

    def headless(answer: Json) -> None:
        answer["path"].pop(0)  # type: ignore[attr-defined]

    return [("a step without a note", bare), ("a genesis with a note", noted), ("no genesis", headless)]


def _bundle(book: Cosigned, answer: Answer) -> Bundle:
    notes = [book.checkpoint_at(height) for height in (1, 3, len(book.pages) - 1)]
    sizes = [checkpoint.parse(note.parse(each).text).size for each in notes]
    signposts = tuple(
        Signpost(note=raw.decode(), consistency=book.consistency(before, size) if before else ())
        for raw, before, size in zip(notes, [0, *sizes], sizes, strict=False)
    )
    plain = msgspec.structs.replace(answer, path=())
    return Bundle(format=FORMAT, answers=(plain,), checkpoints=signposts, path=answer.path)
