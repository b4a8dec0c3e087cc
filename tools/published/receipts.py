"""receipts.json, bundles.json and key-requests.json: the forms in which proofs and requests travel."""

from __future__ import annotations

import base64
import json

import msgspec

from muniment.client import key_request
from muniment.core.format import encoding, merkle
from muniment.core.proof import bundle as bundles
from muniment.core.proof import receipt as receipts
from muniment.core.proof import trust as trusts
from muniment.core.proof.bundle import Bundle, Evidenced, Signpost
from muniment.core.proof.receipt import Receipt
from published.answers import tell_good
from published.book import Book
from published.cast import KEYS, ORIGIN, Json, encode64
from published.notes import cosign
from published.proofs import Edit, as_json, edit
from published.scribe import Scribe
from published.trusts import list_trusts


def _receipt(book: Book, index: int, note: bytes | None = None, extra: bytes = b"") -> str:
    proof = book.inclusion(index, book.size)
    return receipts.format(Receipt(index=index, proof=proof, checkpoint=note or book.checkpoint, extra=extra))


def write_receipts(book: Book, scribe: Scribe) -> Json:
    """Receipts of an event and a header, with what a verifier brings."""
    index = scribe.index("deployed")
    text, entry = _receipt(book, index), encode64(book.entry(index))
    leaf = merkle.leaf(book.entry(index)).hex()
    cosigned = _receipt(book, index, cosign(book.checkpoint, "alpha", "beta"))
    last = _receipt(book, book.size - 1)
    good: list[Json] = [
        {"name": "an event", "trust": "solo", "receipt": text, "entry": entry, "included": True},
        {"name": "its leaf alone", "trust": "solo", "receipt": text, "leaf": leaf, "included": True},
        {"name": "nothing of the entry", "trust": "solo", "receipt": text, "included": False},
        {
            "name": "the last header",
            "trust": "solo",
            "receipt": last,
            "entry": encode64(book.entry(book.size - 1)),
            "included": True,
        },
        {"name": "witnessed", "trust": "witnessed", "receipt": cosigned, "leaf": leaf, "included": True},
        {"name": "with extra data", "trust": "solo", "receipt": _receipt(book, index, extra=b"{}"), "leaf": leaf, "included": True},
    ]
    other = encode64(book.entry(index + 1))
    beyond = text.replace(f"index {index}\n", f"index {book.size}\n")
    moved = text.replace(f"index {index}\n", f"index {index + 1}\n")
    bad: list[Json] = [
        {"name": "another entry", "trust": "solo", "receipt": text, "entry": other, "step": 7, "code": "inclusion-root"},
        {"name": "another index", "trust": "solo", "receipt": moved, "leaf": leaf, "step": 7, "code": "inclusion-root"},
        {"name": "an index beyond the tree", "trust": "solo", "receipt": beyond, "step": 7, "code": "inclusion-index"},
        {"name": "another log's key", "trust": "another key", "receipt": text, "step": 3, "code": "log-key-unknown"},
        {"name": "another origin", "trust": "another origin", "receipt": text, "step": 2, "code": "origin"},
        {
            "name": "an event of another ledger",
            "trust": "another ledger",
            "receipt": text,
            "entry": entry,
            "step": 9,
            "code": "ledger",
        },
        {"name": "no quorum", "trust": "witnessed", "receipt": text, "step": 4, "code": "quorum"},
        {"name": "no time to judge by", "trust": "solo", "receipt": text, "now": "2026-03-02T09:00:00.000000Z", "maxAge": 60}
        | {"step": 6, "code": "stale"},
    ]
    return {
        "about": "docs/spec 10.1. The verifier brings `entry` (base64), `leaf` (hex), or neither.",
        "good": good,
        "bad": bad,
        "badTexts": [{"name": name, "receipt": bad_text, "code": code} for name, bad_text, code in _list_texts(text, index)],
    }


def _list_texts(text: str, index: int) -> list[tuple[str, str, str]]:
    line = f"index {index}\n"
    return [
        ("another version", text.replace("@v1", "@v2"), "bad-receipt"),
        ("no index", text.replace(line, ""), "bad-receipt"),
        ("a leading zero", text.replace(line, f"index 0{index}\n"), "bad-receipt"),
        ("an index that no log has", text.replace(line, f"index {2**63 - 1}\n"), "bad-receipt"),
        ("a short hash", text.replace(line, line + "AAAA\n"), "bad-receipt"),
        ("a hash that is not base64", text.replace(line, line + "AAA\n"), "not-base64"),
        ("an empty line before the checkpoint", text.replace("\n\n", "\n\n\n", 1), "bad-checkpoint"),
        ("empty extra data", text.replace(line, "extra \n" + line), "not-canonical"),
        ("no checkpoint", text.split("\n\n")[0] + "\n\n", "bad-note"),
        ("64 hashes", text.replace(line, line + f"{encode64(bytes(32))}\n" * 64), "bad-receipt"),
        ("a line after the checkpoint", text + "\n", "bad-note"),
    ]


def write_bundles(book: Book, scribe: Scribe) -> Json:
    """One file with two answers, two receipts and three checkpoints."""
    good = tell_good(book, scribe)
    notes = [book.pages[height].checkpoint for height in (1, 5, book.height)]
    sizes = [bundles.read_size(note.decode()) for note in notes]
    signposts = [
        Signpost(note=note.decode(), consistency=book.consistency(before, size) if before else ())
        for note, before, size in zip(notes, [0, *sizes], sizes, strict=False)
    ]
    index = scribe.index("deployed")
    whole = Bundle(
        format=bundles.FORMAT,
        answers=(good["header"].answer, good["at, the latest"].answer),
        receipts=(Evidenced(receipt=_receipt(book, index), entry=book.entry(index)), Evidenced(receipt=_receipt(book, 1))),
        checkpoints=tuple(signposts),
        trust=trusts.format(list_trusts(book)["solo"]),
    )
    small = Bundle(format=bundles.FORMAT, receipts=whole.receipts[1:], checkpoints=whole.checkpoints[-1:])
    small = msgspec.structs.replace(small, checkpoints=(Signpost(note=notes[-1].decode()),))
    plain = as_json(whole)
    return {
        "about": "docs/spec 11.5. The file is the canonical JSON of `bundle` and a newline. Verified with the trust file `solo`.",
        "good": [
            {"name": "two answers and two receipts", "bundle": plain, "sizes": sizes},
            {"name": "one receipt", "bundle": as_json(small), "sizes": sizes[-1:]},
        ],
        "bad": [
            {"name": name, "patch": edit(plain, change), **terms, "step": step, "code": code}
            for name, change, terms, step, code in _list_bad(book)
        ],
        "badFiles": [{"name": name, "patch": edit(plain, change), "code": code} for name, change, code in _list_files()],
    }


def _list_bad(book: Book) -> list[tuple[str, Edit, Json, int, str]]:
    def signpost(at: int, **changes: object) -> Edit:
        return lambda bundle: bundle["checkpoints"][at].update(changes)  # type: ignore[index]

    def leave_out(bundle: Json) -> None:
        checkpoints = bundle["checkpoints"]
        assert isinstance(checkpoints, list)
        del checkpoints[2]

    def shorten(bundle: Json) -> None:
        bundle["checkpoints"][1]["consistency"].pop()  # type: ignore[index]

    def spoil(bundle: Json) -> None:
        bundle["answers"][0]["genesis"][0] = encode64(bytes(32))  # type: ignore[index]

    def swap(bundle: Json) -> None:
        bundle["receipts"][0]["entry"] = encode64(book.entry(1))  # type: ignore[index]

    zeroes = [encode64(bytes(32))] * len(book.consistency(book.header(5).size + 1, book.size))
    return [
        ("a checkpoint that is not listed", leave_out, {}, 5, "bundle-checkpoint"),
        ("checkpoints of two histories", signpost(2, consistency=zeroes), {}, 5, "consistency-old-root"),
        ("a proof too short", shorten, {}, 5, "consistency-length"),
        ("a proof for the first checkpoint", signpost(0, consistency=zeroes[:1]), {}, 5, "consistency-length"),
        ("an answer that fails", spoil, {}, 2, "genesis"),
        ("a receipt of another entry", swap, {}, 7, "inclusion-root"),
        ("for another reader", swap, {"trust": "another key"}, 3, "log-key-unknown"),
    ]


def _list_files() -> list[tuple[str, Edit, str]]:
    def empty(bundle: Json) -> None:
        del bundle["answers"], bundle["receipts"]

    return [
        ("nothing in it", empty, "empty-bundle"),
        ("no checkpoint", lambda bundle: bundle.update(checkpoints=[]), "schema"),
        ("checkpoints out of order", lambda bundle: bundle["checkpoints"].reverse(), "not-sorted"),  # type: ignore[attr-defined]
        ("another format", lambda bundle: bundle.update(format="urn:muniment:bundle:v2"), "schema"),
        ("entries of an answer out of order", lambda bundle: bundle["answers"][0]["entries"].reverse(), "not-sorted"),  # type: ignore[index]
        ("a receipt that is none", lambda bundle: bundle["receipts"][0].update(receipt="x"), "bad-receipt"),  # type: ignore[index]
    ]


def write_requests() -> Json:
    """The line that asks for a key to be admitted."""
    request = key_request.make(ORIGIN, "bob", "person", KEYS["bob"])
    line = key_request.format(request)
    body = line.removeprefix(key_request.PREFIX)

    def wrap(value: Json) -> str:
        return key_request.PREFIX + base64.urlsafe_b64encode(encoding.encode(value)).rstrip(b"=").decode()

    value = json.loads(encoding.encode_struct(request))
    bad = {
        "another prefix": (line.replace(":v1:", ":v2:"), "bad-key-request"),
        "padded": (line + "=", "bad-key-request"),
        "cut off": (line[:-1], "bad-key-request"),
        "standard base64": (key_request.PREFIX + base64.b64encode(b"\xff" * 9).decode(), "bad-key-request"),
        "white space": (f"{key_request.PREFIX} {body}", "bad-key-request"),
        "another field": (wrap(value | {"role": "owner"}), "bad-key-request"),
        "for another actor": (wrap(value | {"actor": "ada"}), "key-proof"),
        "for another ledger": (wrap(value | {"origin": "example.org/another"}), "key-proof"),
    }
    return {
        "about": "docs/spec 5.2.",
        "good": [{"name": "bob's", "line": line, "request": value}],
        "bad": [{"name": name, "line": text, "code": code} for name, (text, code) in bad.items()],
    }
