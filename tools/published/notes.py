"""notes.json: verifier keys, signed notes, checkpoints and cosignatures; C2SP's own rules, and ours on top."""

from __future__ import annotations

from muniment.core.format import base64, checkpoint, keys, note
from muniment.core.format.checkpoint import Checkpoint
from published import cast
from published.book import Book
from published.cast import KEYS, LOG, ORIGIN, VERIFIER, Json, digest, witness

WITNESSED_AT = 1_772_442_600  # POSIX seconds: 2026-03-02T09:10:00Z
ROOT = base64.format(bytes(32))
DASH = "\u2014"


def write(book: Book) -> Json:
    """All of it, each with the keys that are known to whoever opens it."""
    raw = book.checkpoint
    signed = note.parse(raw)
    line = checkpoint.cosign(signed, "alpha.example/witness", KEYS["alpha"], WITNESSED_AT)
    later = checkpoint.cosign(signed, "alpha.example/witness", KEYS["alpha"], WITNESSED_AT + 60)
    other = checkpoint.cosign(note.parse(book.pages[0].checkpoint), "alpha.example/witness", KEYS["alpha"], WITNESSED_AT)
    stranger = f"{DASH} stranger.example/x {base64.format(b'none' + bytes(70))}\n"
    text = raw.decode()
    opened = [
        {"name": "signed by the log", "note": text, "cosigned": []},
        {"name": "and cosigned", "note": text + line, "cosigned": [WITNESSED_AT]},
        {"name": "cosigned twice by one key", "note": text + line + later, "cosigned": [WITNESSED_AT + 60]},
        {"name": "with a line that nobody knows", "note": text + stranger, "cosigned": []},
    ]
    flipped = text.replace(text.split(" ")[-1], base64.format(VERIFIER.key_id + bytes(64)) + "\n")
    refused = [
        {"name": "a signature of zeroes", "note": flipped, "step": 3, "code": "log-signature"},
        {
            "name": "another text",
            "note": text.replace(f"\n{book.size}\n", f"\n{book.size + 1}\n"),
            "step": 3,
            "code": "log-signature",
        },
        {"name": "nobody known signed", "note": signed.text + "\n" + stranger, "step": 3, "code": "log-key-unknown"},
        {"name": "a cosignature of another checkpoint", "note": text + other.replace(DASH, DASH), "step": 4, "code": "cosignature"},
    ]
    return {
        "about": "docs/spec 3.4. `opened` and `refused` are opened with `logKey` and the cosigner `cosignerKey`.",
        "logKey": keys.format(VERIFIER),
        "cosignerKey": keys.format(witness("alpha")),
        "opened": [each | {"size": book.size, "root": book.pages[-1].root.hex()} for each in opened],
        "refused": refused,
        "goodKeys": _list_keys(),
        "badKeys": [{"name": name, "vkey": vkey, "code": code} for name, (vkey, code) in _bad_keys().items()],
        "badNotes": [{"name": name, "note": bad, "code": code} for name, (bad, code) in _bad_notes(text).items()],
        "goodCheckpoints": _good_checkpoints(),
        "badCheckpoints": [{"name": name, "text": bad, "code": code} for name, (bad, code) in _bad_checkpoints().items()],
    }


def _list_keys() -> list[Json]:
    listed = [VERIFIER, witness("alpha"), keys.Verifier("future.example/x", b"abcd", 0x7F, b"anything")]
    return [
        {
            "vkey": keys.format(each),
            "name": each.name,
            "keyId": each.key_id.hex(),
            "type": each.type,
            "material": each.public_key.hex(),
        }
        for each in listed
    ]


def _bad_keys() -> dict[str, tuple[str, str]]:
    material = base64.format(bytes((keys.ED25519,)) + LOG.public_key)
    identifier = VERIFIER.key_id.hex()
    return {
        "another key id": (f"{ORIGIN}+00000000+{material}", "bad-vkey"),
        "a key id in capitals": (f"{ORIGIN}+{'ABCDEF01'}+{material}", "bad-vkey"),
        "two parts": (f"{ORIGIN}+{identifier}", "bad-vkey"),
        "a name with a space": (f"example org+{identifier}+{material}", "bad-key-name"),
        "no name": (f"+{identifier}+{material}", "bad-key-name"),
        "a key cut short": (f"{ORIGIN}+{identifier}+{base64.format(bytes((1,)) + bytes(31))}", "bad-key"),
        "a type and no key": (f"{ORIGIN}+{identifier}+AQ==", "bad-vkey"),
        "base64 without padding": (f"{ORIGIN}+{identifier}+AQ", "not-base64"),
    }


def _bad_notes(text: str) -> dict[str, tuple[str, str]]:
    body, _, signatures = text.rpartition("\n\n")
    many = signatures * 101
    return {
        "no signature": (body + "\n\n", "bad-note"),
        "no empty line": (text.replace("\n\n", "\n"), "bad-note"),
        "no final newline": (text[:-1], "bad-note"),
        "another dash": (text.replace(DASH, "-"), "bad-note"),
        "a carriage return": (text.replace("\n", "\r\n"), "bad-note"),
        "a hundred and one signatures": (f"{body}\n\n{many}", "bad-note"),
        "a key id and no signature": (f"{body}\n\n{DASH} a AAAAAA==\n", "bad-note"),
        "base64 with bits to spare": (f"{body}\n\n{DASH} a AAAAAAB=\n", "not-base64"),
        "a name with a plus": (f"{body}\n\n{DASH} a+b AAAAAAAA\n", "bad-key-name"),
    }


def _good_checkpoints() -> list[Json]:
    made = {
        "an empty log": Checkpoint(ORIGIN, 0, bytes.fromhex(digest(""))),
        "the largest size": Checkpoint(ORIGIN, checkpoint.MAX_SIZE, bytes(32)),
        "with an extension line": Checkpoint(ORIGIN, 1, bytes(32), ("x 1",)),
    }
    return [
        {"name": name, "text": checkpoint.format(each), "origin": each.origin, "size": each.size, "root": each.root.hex()}
        for name, each in made.items()
    ]


def _bad_checkpoints() -> dict[str, tuple[str, str]]:
    return {
        "two lines": (f"{ORIGIN}\n1\n", "bad-checkpoint"),
        "no origin": (f"\n1\n{ROOT}\n", "bad-checkpoint"),
        "a leading zero": (f"{ORIGIN}\n01\n{ROOT}\n", "bad-checkpoint"),
        "a sign": (f"{ORIGIN}\n+1\n{ROOT}\n", "bad-checkpoint"),
        "a size beyond 2^63 - 1": (f"{ORIGIN}\n{2**63}\n{ROOT}\n", "bad-checkpoint"),
        "a short root": (f"{ORIGIN}\n1\n{base64.format(bytes(31))}\n", "bad-checkpoint"),
        "a root that is not base64": (f"{ORIGIN}\n1\n{ROOT[:-1]}\n", "not-base64"),
        "an empty extension line": (f"{ORIGIN}\n1\n{ROOT}\n\n", "bad-checkpoint"),
        "no final newline": (f"{ORIGIN}\n1\n{ROOT}", "bad-note"),
    }


def cosign(raw: bytes, *cosigners: str, time: int = WITNESSED_AT) -> bytes:
    """A signed checkpoint with cosignatures."""
    parsed = note.parse(raw)
    lines = [checkpoint.cosign(parsed, f"{name}.example/witness", cast.KEYS[name], time) for name in cosigners]
    return note.format(note.attach(parsed, lines))
