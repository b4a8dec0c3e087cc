"""How answers are put together and taken apart again: what a prover does, spelled out, and edits that a second reader can follow.

answer = assemble(book, question, result, indices=[...], streams=[...])
patch(as_json(answer), changed)         # the edit as RFC 6902 operations
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Sequence

import msgspec

from muniment.core.format import dsse, encoding, entry, manifest, merkle, state_map
from muniment.core.format.manifest import Manifest
from muniment.core.format.statement import Disclosure
from muniment.core.proof import answer as answers
from muniment.core.proof import receipt as receipts
from muniment.core.proof.answer import (
    UNSET,
    Absent,
    Answer,
    EntryQuestion,
    History,
    Included,
    Link,
    Numbered,
    Opened,
    Question,
    Result,
)
from muniment.core.proof.receipt import Receipt
from muniment.core.rules import events
from muniment.errors import InvalidInput
from published.book import Book
from published.cast import Json

EVENT = b'{"payload"'
Edit = Callable[[Json], object]


def assemble(
    book: Book,
    question: Question,
    result: Result,
    *,
    indices: Iterable[int] = (),
    streams: Iterable[str] = (),
    history: History | Absent = UNSET,
    opened: Iterable[tuple[str, Disclosure]] = (),
    files: Manifest | None = None,
    note: bytes | None = None,
) -> Answer:
    """An answer with these entries and streams, the records of whoever signed them, and the last header."""
    main = question.index if isinstance(question, EntryQuestion) else book.size - 1
    listed = sorted({*indices, main, book.size - 1})
    handed = () if history is UNSET else history.events
    entries = [book.entry(index) for index in listed] + [each.entry for each in handed]
    names = {*streams, *(name for raw in entries for name in signers(raw))}
    return Answer(
        format=answers.FORMAT,
        question=question,
        result=result,
        receipt=receipts.format(Receipt(index=main, proof=book.inclusion(main, book.size), checkpoint=note or book.checkpoint)),
        genesis=book.inclusion(0, book.size),
        entries=tuple(Included(entry=book.entry(each), index=each, proof=book.inclusion(each, book.size)) for each in listed),
        states=tuple(book.prove_state(name) for name in sorted(names)),
        history=history,
        disclosures=tuple(Opened(salt=shown.salt, sealed=sealed, value=shown.value) for sealed, shown in sorted(opened)),
        manifest=UNSET if files is None else manifest.encode(files).decode(),
    )


def signers(raw: bytes) -> tuple[str, ...]:
    """The streams of the key and the actor that signed an event; none for a header or what is neither."""
    try:
        envelope = dsse.decode(raw)
        predicate = json.loads(envelope.payload)["predicate"]
    except (InvalidInput, KeyError, TypeError, ValueError):
        return ()
    return (f"key/{envelope.key.hex()}", f"actor/{predicate['actor']}")


def tell_history(book: Book, stream: str, links: Sequence[int], bound: int, start: int = 1) -> History:
    """The history of a stream with these entries, cut at a bound, from the event with the number `start`."""
    folded = [(index, fold_leaf(book.entry(index))) for index in links]
    cut = state_map.prove_history(stream, folded, bound, start)
    return History(
        before=UNSET if start == 1 else cut.before.hex(),
        events=tuple(Numbered(entry=book.entry(index), index=index) for index, _ in cut.events),
        later=tuple(Link(index=index, leaf=leaf.hex()) for index, leaf in cut.pairs),
    )


def fold_leaf(raw: bytes) -> bytes:
    """What an entry folds into its streams."""
    return merkle.leaf(raw) if raw.startswith(EVENT) else entry.leaf_without_state(entry.decode_header(raw))


def links_of(book: Book, stream: str) -> list[int]:
    """The entries of a stream, by reading all of them."""
    found = [0] if stream in book.pages[0].records else []
    for index, raw in enumerate(book.raw_entries):
        if raw.startswith(EVENT) and stream in events.streams(events.decode(book.event(index))):
            found.append(index)
    return found


def as_json(value: msgspec.Struct) -> Json:
    """An answer or a bundle as plain JSON."""
    return json.loads(encoding.encode_struct(value))  # type: ignore[no-any-return]


def edit(good: Json, change: Edit) -> list[Json]:
    """What a change does to a good file, as RFC 6902 operations (replace, add, remove)."""
    changed = copy.deepcopy(good)
    change(changed)
    operations = list(_compare(good, changed, ""))
    assert operations
    return operations


def _compare(old: object, new: object, path: str) -> Iterable[Json]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            below = f"{path}/{key}"
            if key not in new:
                yield {"op": "remove", "path": below}
            elif key not in old:
                yield {"op": "add", "path": below, "value": new[key]}
            else:
                yield from _compare(old[key], new[key], below)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _compare(one, other, f"{path}/{at}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) - 1 == len(new):
        at = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(new))
        if old[:at] + old[at + 1 :] == new:
            yield {"op": "remove", "path": f"{path}/{at}"}
        else:
            yield {"op": "replace", "path": path, "value": new}
    elif type(old) is not type(new) or old != new:
        yield {"op": "replace", "path": path, "value": new}
