"""encoding.json, decimals.json, manifests.json and seals.json: how values, numbers, files and secrets are written."""

from __future__ import annotations

import msgspec

from muniment.core.format import manifest, statement
from muniment.core.format.manifest import Line
from published.cast import Json, digest, encode64, salt
from published.scribe import describe_files
from published.texts import FORMS

DEEPEST = "[" * 16 + "]" * 16

GOOD_JSON = {
    "empty object": "{}",
    "empty array": "[]",
    "a bare string": '"text"',
    "a bare integer": "0",
    "keys in order": '{"A":1,"_":2,"a":3,"aB":4,"a_":5,"b":6}',
    "the widest integers": "[-9007199254740991,9007199254740991]",
    "every escape that there is": '"\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f"',
    "nothing else is escaped": '"/\u007f\u0080é\u2028😀<>&"',
    "sixteen deep": DEEPEST,
    "brackets within a string do not count": '["' + "[{" * 20 + '\\"]"]',
    "booleans": '{"no":false,"yes":true}',
}
BAD_JSON: dict[str, tuple[str, str]] = {
    "not JSON": ("{", "not-json"),
    "nothing at all": ("", "not-json"),
    "two values": ("1 2", "not-json"),
    "a byte order mark": ("\ufeff{}", "not-json"),
    "a lone surrogate": ('"\\ud800"', "not-json"),
    "not a number": ("NaN", "not-json"),
    "a comment": ("{}//", "not-json"),
    "white space": ('{"a": 1}', "not-canonical"),
    "a final newline": ("{}\n", "not-canonical"),
    "keys out of order": ('{"b":1,"a":2}', "not-canonical"),
    "a key twice": ('{"a":1,"a":2}', "not-canonical"),
    "an escape that is not needed": ('"\\u0041"', "not-canonical"),
    "an escaped solidus": ('"\\/"', "not-canonical"),
    "an escape in capitals": ('"\\u001F"', "not-canonical"),
    "a control character by its number": ('"\\u000a"', "not-canonical"),
    "a negative zero": ("-0", "not-canonical"),
    "an integer too wide": ("9007199254740992", "integer-range"),
    "an integer far too wide": ("-99999999999999999999", "integer-range"),
    "a fraction": ('{"a":0.5}', "float"),
    "an integer with a fraction": ("1.0", "float"),
    "an exponent": ("1e2", "float"),
    "null": ('{"a":null}', "null"),
    "a key with a hyphen": ('{"a-b":1}', "bad-key"),
    "an empty key": ('{"":1}', "bad-key"),
    "a key that is not ASCII": ('{"é":1}', "bad-key"),
    "seventeen deep": ("[" + DEEPEST + "]", "too-deep"),
    "seventeen deep and cut off": ("[" * 17, "too-deep"),
    "deep, after an open string": ("[" * 17 + '"' + "]" * 17, "too-deep"),
}
COMPARED: list[tuple[str, str, int]] = [
    ("0.9", "0.90", 0),
    ("-0", "0", 0),
    ("1e-07", "0.0000001", 0),
    ("9.0e-1", "0.9", 0),
    ("0.907", "0.9", 1),
    ("-1", "-0.5", -1),
    ("1e400", "9e399", 1),
    ("1e-400", "0", 1),
    ("0.1", "0.10000000000000000000000000000000000001", -1),
    ("007", "7", 0),
]
HELD: list[tuple[str, str, str, bool]] = [
    ("0.9", "ge", "0.90", True),
    ("0.9", "gt", "0.90", False),
    ("0.9", "eq", "9e-1", True),
    ("0.1", "le", "0.2", True),
    ("0.1", "lt", "0.1", False),
    ("NaN", "eq", "NaN", False),
    ("NaN", "lt", "1", False),
    ("Infinity", "gt", "1", False),
    ("-Infinity", "lt", "1", False),
    ("1", "lt", "Infinity", False),
]
PATHS: dict[str, tuple[str, str]] = {
    "a path out of the folder": ("../a", "bad-path"),
    "a path from the root": ("/a", "bad-path"),
    "a dot as a segment": ("a/./b", "bad-path"),
    "an empty segment": ("a//b", "bad-path"),
    "an empty path": ("", "bad-path"),
    "a backslash": ("a\\b", "bad-path"),
    "a control character": ("a\u0007", "bad-path"),
    "a control character beyond ASCII": ("a\u0085", "bad-path"),
    "not in normal form C": ("e\u0301.txt", "bad-path"),
    "a mark that turns the direction": ("a\u202etxt.exe", "bad-path"),
    "a line separator": ("a\u2028", "bad-path"),
    "a path too long": ("a" * 1_025, "bad-path"),
}


def write_encoding() -> Json:
    """Canonical JSON and the forms of text."""
    bad: list[Json] = [{"name": name, "text": text, "code": code} for name, (text, code) in BAD_JSON.items()]
    bad.append({"name": "not UTF-8", "base64": encode64(b'"\xff"'), "code": "not-json"})
    bad.append({"name": "one byte too long", "text": '"1234567"', "limit": 8, "code": "too-long"})
    bad.append({"name": "the length comes before the depth", "text": "[" * 17, "limit": 16, "code": "too-long"})
    return {
        "about": "docs/spec 1. `limit` is the most bytes that may be read, 48960 where it is absent.",
        "good": [{"name": name, "text": text} for name, text in GOOD_JSON.items()],
        "bad": bad,
        "forms": {form: {"good": good, "bad": refused} for form, (good, refused) in FORMS.items()},
    }


def write_decimals() -> Json:
    """Exact comparison."""
    return {
        "about": "docs/spec 1.3. `order` is -1, 0 or 1 as `left` is less than, equal to or greater than `right`.",
        "compared": [{"left": left, "right": right, "order": order} for left, right, order in COMPARED],
        "held": [{"value": a, "comparator": b, "threshold": c, "holds": holds} for a, b, c, holds in HELD],
        "bad": [{"text": text, "code": "bad-decimal"} for text in ("1e401", "-1e-401", "NaN", "1e5000", "1" * 41)],
    }


def write_manifests() -> Json:
    """Lines, roots and proofs of single files."""
    good = []
    made = describe_files() | {
        "one file": manifest.build([Line("model.bin", digest("one"), 0)]),
        "odd names": manifest.build([Line(path, digest(path), 1) for path in ("A", "a b", "a/z", "a0", "é", "z\u200dz", "😀")]),
    }
    for name, each in made.items():
        proofs = {line.path: msgspec.to_builtins(manifest.prove(each, line.path)) for line in each.lines}
        encoded = manifest.encode(each).decode()
        good.append({"name": name, "manifest": encoded, "root": manifest.root(each).hex(), "proofs": proofs})
    return {
        "about": "docs/spec 2.2. `manifest` is the encoded manifest; a proof belongs to the line with its path.",
        "good": good,
        "bad": _list_bad_manifests(),
        "badProofs": _list_bad_proofs(),
    }


def _line(path: str, size: int = 1) -> str:
    return msgspec.json.encode(Line(path, "0" * 64, size)).decode() + "\n"


def _list_bad_manifests() -> list[Json]:
    texts = {name: (_line(path), code) for name, (path, code) in PATHS.items()} | {
        "no line": ("", "empty-manifest"),
        "cut off": (_line("a")[:-1], "cut-off"),
        "a line twice": (_line("a") * 2, "path-twice"),
        "out of order": (_line("b") + _line("a"), "not-sorted"),
        "a file that is a folder too": (_line("a") + _line("a/b"), "path-twice"),
        "an empty line": (_line("a") + "\n", "not-json"),
        "white space": (_line("a").replace(":", ": "), "not-canonical"),
        "another field": ('{"mode":1,"path":"a","sha256":"' + "0" * 64 + '","size":1}\n', "schema"),
        "a negative size": (_line("a", -1), "schema"),
    }
    return [{"name": name, "manifest": text, "code": code} for name, (text, code) in texts.items()]


def _list_bad_proofs() -> list[Json]:
    files = describe_files()["credit-risk"]
    line, other = files.lines
    proof = manifest.prove(files, line.path)
    given = {
        "another file": (other, proof, "file-proof-root"),
        "another size of the file": (msgspec.structs.replace(line, size=1), proof, "file-proof-root"),
        "another number of lines": (line, msgspec.structs.replace(proof, size=3), "file-proof-length"),
        "beyond the last line": (line, msgspec.structs.replace(proof, index=2), "file-proof-index"),
        "a hash too many": (line, msgspec.structs.replace(proof, hashes=proof.hashes * 2), "file-proof-length"),
    }
    return [
        {
            "name": name,
            "root": manifest.root(files).hex(),
            "line": msgspec.to_builtins(each),
            "proof": msgspec.to_builtins(shown),
            "step": 12,
            "code": code,
        }
        for name, (each, shown, code) in given.items()
    ]


def write_seals() -> Json:
    """Commitments to values that are not shown."""
    values: dict[str, object] = {
        "prose": "the second review found nothing",
        "empty": "",
        "beyond ASCII": "naïve – 😀",
        "a number": 7,
        "an object": {"b": [1, True], "a": "x"},
    }
    good: list[Json] = []
    for name, value in values.items():
        sealed = statement.seal(value, salt(name))  # type: ignore[arg-type]
        disclosure = msgspec.to_builtins(statement.disclose(value, salt(name)))  # type: ignore[arg-type]
        good.append({"name": name, "sealed": sealed.sealed, "disclosure": disclosure})
    first = good[0]
    wrong_text = {**first["disclosure"], "value": "the second review found something"}  # type: ignore[dict-item]
    wrong_salt = {**first["disclosure"], "salt": "A" * 22}  # type: ignore[dict-item]
    return {
        "about": "docs/spec 2.3. The commitment is over the salt's 16 bytes and the value as canonical JSON.",
        "good": good,
        "bad": [
            {"name": "another text", "sealed": first["sealed"], "disclosure": wrong_text, "step": 12, "code": "disclosure"},
            {"name": "another salt", "sealed": first["sealed"], "disclosure": wrong_salt, "step": 12, "code": "disclosure"},
            {"name": "no salt", "sealed": first["sealed"], "disclosure": {**wrong_salt, "salt": "AA=="}, "code": "bad-salt"},
        ],
    }
