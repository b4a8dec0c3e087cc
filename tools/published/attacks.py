"""How answers fail: a good one with an edit, or under other terms, with the step and code that it fails at."""

from __future__ import annotations

import base64
from collections.abc import Callable

import msgspec

from muniment.core.format import checkpoint, dsse, encoding, manifest, merkle, note, state_map, statement
from published.book import Book
from published.cast import KEYS, Json, encode64, moment
from published.notes import WITNESSED_AT
from published.proofs import Edit, edit
from published.scribe import OTHER_FILES, V1, Scribe

FRAUD = "model/fraud"
Terms = dict[str, object]
Bad = tuple[str, str, Edit | None, Terms, int, str]


def _set(*path: str | int, value: object) -> Edit:
    def change(answer: Json) -> None:
        at: object = answer
        for step in path[:-1]:
            at = at[step]  # type: ignore[index]
        at[path[-1]] = value  # type: ignore[index]

    return change


def _drop(*path: str | int) -> Edit:
    def change(answer: Json) -> None:
        at: object = answer
        for step in path[:-1]:
            at = at[step]  # type: ignore[index]
        del at[path[-1]]  # type: ignore[attr-defined]

    return change


def _receipt(change: Callable[[str], str]) -> Edit:
    return lambda answer: answer.update(receipt=change(str(answer["receipt"])))


def _state(name: str, change: Callable[[Json], object]) -> Edit:
    def found(answer: Json) -> None:
        states = answer["states"]
        assert isinstance(states, list)
        change(next(each for each in states if each["name"] == name))

    return found


def list_terms(book: Book) -> list[Bad]:
    """Steps 2 to 6 and 12: the same answers for other readers."""
    strict = "header, witnessed"
    late, early = {"now": moment(600), "maxAge": 3_600}, {"now": moment(0), "maxAge": 3_600}
    return [
        ("of another origin", "header", None, {"trust": "another origin"}, 2, "origin"),
        ("of a ledger that was begun anew", "header", None, {"trust": "another ledger"}, 2, "genesis"),
        ("by another log key", "header", None, {"trust": "another key"}, 3, "log-key-unknown"),
        ("one organisation too few", "header", None, {"trust": "witnessed"}, 4, "quorum"),
        ("witnessed is asked for", "header", None, {"tier": "witnessed"}, 4, "quorum"),
        ("consortium is asked for", strict, None, {"tier": "consortium"}, 4, "quorum"),
        ("another history of the same size", "header", None, {"pin": "fork"}, 5, "split-view-same-size"),
        ("not what continues the pin", "header", None, {"pin": "older fork"}, 5, "split-view-inconsistent"),
        ("older than the pin, and no proof", "header", None, {"pin": "later"}, 5, "split-view-unproved"),
        ("nobody to ask for a proof", "header", None, {"pin": "later", "offline": True}, 5, "consistency-missing"),
        ("too old", "header", None, late, 6, "stale"),
        ("from the future", "header", None, early, 6, "clock"),
        ("cosigned too long ago", strict, None, {"now": moment(600), "maxAge": 3_600}, 6, "stale"),
        ("another file", "entry", None, {"subject": "changed"}, 12, "subject"),
        ("files for an answer about none", "header", None, {"subject": "recorded"}, 12, "subject"),
    ]


def list_edits(book: Book, scribe: Scribe) -> list[Bad]:
    return [*_edit_tree(book), *_edit_states(scribe), *_edit_history(book), *_edit_rest(book)]


def _edit_tree(book: Book) -> list[Bad]:
    """Steps 3, 4, 7 and 8."""
    other = encode64(bytes(32))
    parsed = note.parse(book.checkpoint)
    line = checkpoint.cosign(note.parse(book.pages[0].checkpoint), "alpha.example/witness", KEYS["alpha"], WITNESSED_AT)
    far = checkpoint.cosign(parsed, "alpha.example/witness", KEYS["alpha"], 2**62)
    far += checkpoint.cosign(parsed, "beta.example/witness", KEYS["beta"], 2**62)
    signature = note.format_signature(parsed.signatures[0])
    wrong = note.format_signature(msgspec.structs.replace(parsed.signatures[0], blob=bytes(64)))
    size = f"\n{book.size}\n"
    return [
        ("a signature of zeroes", "header", _receipt(lambda text: text.replace(signature, wrong)), {}, 3, "log-signature"),
        (
            "a size that was not signed",
            "header",
            _receipt(lambda text: text.replace(size, f"\n{book.size + 1}\n")),
            {},
            3,
            "log-signature",
        ),
        ("a cosignature of another checkpoint", "header, witnessed", _receipt(lambda text: text + line), {}, 4, "cosignature"),
        ("cosigned beyond the calendar", "header, witnessed", _receipt(lambda text: text + far), {}, 6, "clock"),
        ("another genesis proof", "header", _set("genesis", 0, value=other), {}, 2, "genesis"),
        ("without the entry", "entry", _drop_entry("question"), {}, 7, "entry-missing"),
        ("another entry than the receipt's", "header", _set("question", "index", value=book.size - 1), {}, 7, "receipt-index"),
        ("another proof than the receipt's", "header", _set("entries", 0, "proof", 0, value=other), {}, 7, "receipt-proof"),
        (
            "an entry that is not in the tree",
            "entry",
            _set("entries", 0, "entry", value=encode64(book.entry(0))),
            {},
            7,
            "inclusion-root",
        ),
        ("a proof too short", "entry", _drop("entries", 0, "proof", 0), {}, 7, "inclusion-length"),
        ("an index beyond the tree", "header", _set("entries", 1, "index", value=book.size), {}, 7, "inclusion-index"),
        ("without the last header", "state", _swap_last(book), {}, 8, "header-last"),
        ("without the header that sealed it", "entry", _drop_entry("after"), {}, 8, "header-successor"),
        ("without the header before", "entry", _drop_entry("before"), {}, 8, "header-successor"),
        ("without the next header", "at", _drop("entries", 1), {}, 8, "header-successor"),
        ("a time before the headers shown", "at", _set("question", "time", value=moment(-1)), {}, 8, "header-time"),
        ("a time after the next header", "at", _set("question", "time", value=moment(20)), {}, 8, "header-successor"),
    ]


def _drop_entry(which: str) -> Edit:
    """Take the entry asked about, or the header before or after it, out of an answer."""

    def change(answer: Json) -> None:
        question, entries = answer["question"], answer["entries"]
        assert isinstance(question, dict)
        assert isinstance(entries, list)
        at = next(n for n, each in enumerate(entries) if each["index"] == question["index"])
        del entries[at + {"before": -1, "question": 0, "after": 1}[which]]

    return change


def _swap_last(book: Book) -> Edit:
    """Show another header in place of the last one."""

    def change(answer: Json) -> None:
        index = book.header(1).size
        proof = [encode64(each) for each in book.inclusion(index, book.size)]
        answer["entries"] = [{"entry": encode64(book.entry(index)), "index": index, "proof": proof}]

    return change


def _edit_states(scribe: Scribe) -> list[Bad]:
    """Steps 10 and 11: records that are missing, forged or stale."""
    version = f"version/{V1}"
    deployed, approved = (scribe.book.entry(scribe.index(each)) for each in ("deployed", "approved"))
    signer, approver = dsse.decode(deployed).key.hex(), dsse.decode(approved).key.hex()
    stale = encoding.decode(scribe.book.pages[4].records[version])
    other = {"key": state_map.key("model/credit-risk").hex(), "value": "0" * 64}

    def descend(proof: Json) -> None:
        proof["depths"] = proof["depths"][::-1]  # type: ignore[index]

    def cut(proof: Json) -> None:
        proof["siblings"] = proof["siblings"][:-1]  # type: ignore[index]

    def forget(proof: Json) -> None:
        del proof["value"]
        proof.update(other=other)

    def rename(proof: Json) -> None:
        other = proof["other"]
        assert isinstance(other, dict)
        other["key"] = state_map.key(FRAUD).hex()

    return [
        ("without the signer's key", "entry", _drop_state(f"key/{signer}"), {}, 10, "signer-missing"),
        ("without the key of an approval", "entry", _drop_state(f"key/{approver}"), {}, 11, "state-missing"),
        ("without the signer", "entry", _drop_state("actor/"), {}, 10, "signer-missing"),
        ("without what was asked for", "state", _drop_state("version/"), {}, 11, "state-missing"),
        ("stale: the version as it was", "state", _state(version, lambda proof: proof.update(value=stale)), {}, 11, "state-root"),
        (
            "forged: present, with another record",
            "state",
            _state(version, lambda proof: proof["value"]["state"].pop("admitted")),
            {},
            11,
            "state-root",
        ),  # type: ignore[index]
        ("forged: absent, by a record elsewhere", "state", _state(version, forget), {}, 11, "state-absence"),
        ("forged: absent, by its own record", "state", _state(FRAUD, rename), {}, 11, "state-absence"),
        ("forged: nothing there at all", "state", _state(FRAUD, lambda proof: proof.pop("other")), {}, 11, "state-shape"),
        ("forged: present and absent", "state", _state(version, lambda proof: proof.update(other=other)), {}, 11, "state-shape"),
        ("depths that descend", "state", _state(version, descend), {}, 11, "state-depths"),
        ("a sibling too few", "state", _state(version, cut), {}, 11, "state-siblings"),
        ("what became of an approval left out", "entry", _drop_state("approval/"), {}, 11, "state-missing"),
        ("what became of an approval then left out", "at", _drop_state("approval/"), {}, 11, "state-missing"),
        ("what put it there left out", "at, the latest", _drop("entries", 0), {}, 11, "event-missing"),
        ("a status that was not shown", "state", _set("result", "statuses", value=["present"] * 4), {}, 11, "result"),
        ("a height that was not shown", "state", _set("result", "height", value=1), {}, 11, "result"),
        (
            "a history that nobody asked for",
            "state",
            _set("history", value={"events": [{"entry": encode64(scribe.book.entry(1)), "index": 1}]}),
            {},
            11,
            "history-unasked",
        ),
    ]


def _drop_state(prefix: str) -> Edit:
    def change(answer: Json) -> None:
        states = answer["states"]
        assert isinstance(states, list)
        del states[next(n for n, each in enumerate(states) if each["name"].startswith(prefix))]

    return change


def _edit_history(book: Book) -> list[Bad]:
    """Step 11: histories that are incomplete, stale, or of something else."""
    first = {"entry": encode64(book.entry(1)), "index": 1}
    event = ("history", "events", 0)

    def shift(answer: Json) -> None:
        history = answer["history"]
        assert isinstance(history, dict)
        moved = history["events"].pop()
        leaf = tell_leaf(moved["entry"])
        history["later"] = [{"index": moved["index"], "leaf": leaf}, *history["later"]]

    def fold(answer: Json) -> None:
        history = answer["history"]
        assert isinstance(history, dict)
        left = history["events"].pop(0)
        leaf = bytes.fromhex(tell_leaf(left["entry"]))
        history["before"] = state_map.fold(bytes.fromhex(history["before"]), left["index"], leaf).hex()

    return [
        ("no history where there was a change", "at", _drop("history"), {}, 11, "history-missing"),
        (
            "a history where nothing changed",
            "at, unchanged since",
            _set("history", value={"events": [first]}),
            {},
            11,
            "history-unasked",
        ),
        ("stale: the promotion left out", "at", _drop(*event), {}, 11, "history-head"),
        ("stale: the promotion left out, with the right head", "at", fold, {}, 11, "history-whole"),
        ("stale: the last event kept back", "at", shift, {}, 11, "history-bound"),
        ("a later link left out", "at", _drop("history", "later", 0), {}, 11, "history-head"),
        ("the last link left out", "at", _drop("history", "later", -1), {}, 11, "history-order"),
        ("another later link", "at", _set("history", "later", 0, "leaf", value="0" * 64), {}, 11, "history-head"),
        ("another head before", "at", _set("history", "before", value="0" * 64), {}, 11, "history-head"),
        ("no head before", "at", _drop("history", "before"), {}, 11, "history-head"),
        (
            "a head before the first event",
            "at, from the first event",
            _set("history", "before", value=state_map.key("policy").hex()),
            {},
            11,
            "history-start",
        ),
    ]


def tell_leaf(entry: str) -> str:
    """The leaf of an entry in base64, hex."""
    return merkle.leaf(base64.b64decode(entry)).hex()


def _edit_rest(book: Book) -> list[Bad]:
    """Steps 11 to 13: what the file says of itself."""
    text = manifest.encode(OTHER_FILES).decode()
    return [
        ("the manifest of something else", "entry", _set("manifest", value=text), {}, 12, "manifest"),
        (
            "another disclosed text",
            "entry",
            _set("disclosures", 0, "value", value="the second review found a fault"),
            {},
            12,
            "disclosure",
        ),
        ("a disclosure of nothing here", "header", lambda answer: answer.update(disclosures=_loose()), {}, 12, "disclosure"),
        ("better evidence than was signed", "entry", _set("result", "grade", value="attested"), {}, 13, "grade"),
        ("no evidence at all", "entry", _drop("result", "grade"), {}, 13, "grade"),
    ]


def _loose() -> list[Json]:
    sealed, shown = statement.seal("loose", bytes(16)), statement.disclose("loose", bytes(16))
    return [{"salt": shown.salt, "sealed": sealed.sealed, "value": "loose"}]


def list_files(header: Json) -> list[Json]:
    """Step 1: files that are no answer."""
    raw = encoding.encode(header).decode() + "\n"
    receipt = str(header["receipt"])
    texts = {
        "no newline": (raw[:-1], "not-canonical"),
        "white space": (raw.replace(":", ": ", 1), "not-canonical"),
        "cut off": (raw[: len(raw) // 2] + "\n", "not-json"),
        "empty": ("\n", "not-json"),
    }
    edits: dict[str, tuple[Edit, str]] = {
        "another format": (_set("format", value="urn:muniment:answer:v2"), "schema"),
        "another field": (_set("comment", value="x"), "schema"),
        "another question": (_set("question", value={"ask": "why"}), "schema"),
        "no entries": (_set("entries", value=[]), "schema"),
        "entries out of order": (lambda answer: answer["entries"].reverse(), "not-sorted"),  # type: ignore[attr-defined]
        "a short hash": (_set("genesis", 0, value="AAAA"), "schema"),
        "a receipt of another format": (_set("receipt", value=receipt.replace("@v1", "@v2")), "bad-receipt"),
        "a receipt without its checkpoint": (_set("receipt", value=receipt[:80]), "bad-receipt"),
        "an index with a leading zero": (_set("receipt", value=receipt.replace("index ", "index 0")), "bad-receipt"),
    }
    listed: list[Json] = [{"name": name, "text": text, "code": code} for name, (text, code) in texts.items()]
    return listed + [
        {"name": name, "from": "header", "patch": edit(header, change), "code": code} for name, (change, code) in edits.items()
    ]
