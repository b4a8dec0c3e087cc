"""The trust file: whom we believe about one ledger (docs/spec, section 11.1).

    trust = parse(text)                 # TOML; every error names the field
    format(trust)                       # the same, with comments for the person who reads it

    origin    = "example.com/credit"            what every checkpoint of the ledger begins with
    ledger    = "<64 hex>"                      its id, the leaf of its genesis
    log_keys  = ["example.com/credit+..."]      C2SP verifier keys that sign its checkpoints
    quorum    = "2 of 3 organisations"          or "none"
    [[cosigners]]                               one table for each key of an outside party
    organisation, statement, vkey

The quorum counts organisations, not keys: who holds three keys is one organisation. A file like this is handed over by
somebody whom the reader trusts already. No proof carries one that would be believed because the proof says so.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from muniment.core.format import keys
from muniment.core.format.keys import Verifier
from muniment.errors import InvalidInput

Statement = Literal["append-only", "replayed", "voted"]
"""What a cosigner says: the ledger only grew; its state was run again and agrees; it voted for order and state."""

STATEMENTS: tuple[Statement, ...] = get_args(Statement)
"""From the weakest to the strongest: each one includes those before it."""

MAX_TRUST_CHARACTERS = 262_144
MAX_LOG_KEYS = 64
MAX_COSIGNERS = 256

_FIELDS = ("origin", "ledger", "log_keys", "quorum", "cosigners")
_COSIGNER_FIELDS = ("organisation", "statement", "vkey")
_quorum = re.compile(r"none|([1-9][0-9]{0,2}) of ([1-9][0-9]{0,2}) organisations?")
_ledger = re.compile(r"[0-9a-f]{64}")
# Printable ASCII: two organisations whose names merely look alike would be counted twice. No "#": tlog_policy.py needs it.
_organisation = re.compile(r"[!$-~]{1,128}")


class Cosigner(msgspec.Struct, frozen=True):
    """A key of an outside party, whose key it is, and what its cosignature states."""

    verifier: Verifier
    organisation: str
    statement: Statement


class Trust(msgspec.Struct, frozen=True):
    """Whom we believe about one ledger. `quorum` is how many organisations must have cosigned; 0 asks for none."""

    origin: str
    ledger: str
    log_keys: tuple[Verifier, ...]
    cosigners: tuple[Cosigner, ...] = ()
    quorum: int = 0

    @property
    def organisations(self) -> tuple[str, ...]:
        """The organisations that may cosign, each once, sorted."""
        return tuple(sorted({cosigner.organisation for cosigner in self.cosigners}))

    @property
    def votes(self) -> bool:
        """Whether the quorum is one of organisations that vote: then every checkpoint has it as soon as it is shown."""
        return 0 < self.quorum <= len({each.organisation for each in self.cosigners if each.statement == "voted"})


def parse(text: str) -> Trust:
    """Read a trust file. Raises InvalidInput (`bad-trust`) whose details name the field."""
    if len(text) > MAX_TRUST_CHARACTERS:
        raise InvalidInput(f"{len(text)} characters where a trust file has at most {MAX_TRUST_CHARACTERS}", code="too-long")
    try:
        document: dict[str, object] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad_trust("", f"is not TOML: {error}") from None
    _check_fields(document, _FIELDS, "")
    cosigners = _tables(document.get("cosigners", []))
    trust = Trust(
        origin=_text(document, "origin", ""),
        ledger=_text(document, "ledger", ""),
        log_keys=tuple(
            _parse_key(item, f"log_keys[{n}]") for n, item in enumerate(_array(document.get("log_keys", []), "log_keys"))
        ),
        cosigners=tuple(_parse_cosigner(table, f"cosigners[{n}]") for n, table in enumerate(cosigners)),
    )
    return check(_with_quorum(trust, _text(document, "quorum", "")))


def format(trust: Trust) -> str:
    """Write a trust file with comments. Raises InvalidInput for what `parse` would not take back."""
    check(trust)
    count = len(trust.organisations)
    noun = "organisation" if count == 1 else "organisations"
    lines = [
        "# Whom we believe about this ledger. `muniment verify` reads it; change it only with what its owner told you himself.",
        "",
        "# The first line of every checkpoint.",
        f"origin = {_quote(trust.origin)}",
        "# The ledger's id: the leaf of its genesis. A rewritten ledger has another one.",
        f"ledger = {_quote(trust.ledger)}",
        "# C2SP verifier keys; each of them may sign the ledger's checkpoints.",
        "log_keys = [",
        *(f"    {_quote(keys.format(key))}," for key in trust.log_keys),
        "]",
        "# How many organisations must have cosigned a checkpoint. Several keys of one organisation count once.",
        f"quorum = {_quote(f'{trust.quorum} of {count} {noun}' if trust.quorum else 'none')}",
    ]
    if trust.cosigners:
        lines += ["", "# What a cosignature states: append-only (the ledger only grew), replayed (its state was run again), voted."]
    for cosigner in trust.cosigners:
        lines += [
            "",
            "[[cosigners]]",
            f"organisation = {_quote(cosigner.organisation)}",
            f"statement = {_quote(cosigner.statement)}",
            f"vkey = {_quote(keys.format(cosigner.verifier))}",
        ]
    return "\n".join(lines) + "\n"


def check(trust: Trust) -> Trust:
    """Check what the types do not say, and return the same. Raises InvalidInput (`bad-trust`) whose details name the field."""
    try:
        keys.check_name(trust.origin)
    except InvalidInput as error:
        raise _bad_trust("origin", f"is no origin: {error}") from None
    if _ledger.fullmatch(trust.ledger) is None:
        raise _bad_trust("ledger", "is not 64 lower hex digits")
    if len(trust.log_keys) > MAX_LOG_KEYS or len(trust.cosigners) > MAX_COSIGNERS:
        raise _bad_trust("", f"has more than {MAX_LOG_KEYS} log keys or {MAX_COSIGNERS} cosigners")
    for n, key in enumerate(trust.log_keys):
        _check_log_key(trust.origin, key, f"log_keys[{n}]")
    for n, cosigner in enumerate(trust.cosigners):
        _check_cosigner(cosigner, f"cosigners[{n}]")
    _check_distinct(trust)
    if not 0 <= trust.quorum <= len(trust.organisations):
        raise _bad_trust("quorum", f"asks for {trust.quorum} of {len(trust.organisations)} organisations")
    if not trust.log_keys and not trust.votes:
        raise _bad_trust("log_keys", "names no key, and there is no quorum of organisations that vote in its place")
    return trust


def _with_quorum(trust: Trust, text: str) -> Trust:
    match = _quorum.fullmatch(text)
    if match is None:
        raise _bad_trust("quorum", 'is not written "2 of 3 organisations" or "none"')
    count = len(trust.organisations)
    if match[1] is None:
        return trust
    # The second number is there to be compared: who removes a cosigner must see that the promise becomes a weaker one.
    if int(match[2]) != count or int(match[1]) > count or text.endswith("s") != (count != 1):
        raise _bad_trust("quorum", f"says {text!r}, and the cosigners listed belong to {count}")
    return Trust(trust.origin, trust.ledger, trust.log_keys, trust.cosigners, int(match[1]))


def _parse_cosigner(table: Mapping[str, object], field: str) -> Cosigner:
    _check_fields(table, _COSIGNER_FIELDS, f"{field}.")
    said = _text(table, "statement", f"{field}.")
    statement = next((each for each in STATEMENTS if each == said), None)
    if statement is None:
        raise _bad_trust(f"{field}.statement", f"is {said!r}, not one of {', '.join(STATEMENTS)}")
    return Cosigner(_parse_key(table.get("vkey"), f"{field}.vkey"), _text(table, "organisation", f"{field}."), statement)


def _parse_key(value: object, field: str) -> Verifier:
    if not isinstance(value, str):
        raise _bad_trust(field, "is not a verifier key in quotes")
    try:
        return keys.parse(value)
    except InvalidInput as error:
        raise _bad_trust(field, f"is no C2SP verifier key: {error}") from None


def _check_log_key(origin: str, key: Verifier, field: str) -> None:
    if key.type != keys.ED25519:
        raise _bad_trust(field, f"is of type 0x{key.type:02x}, and a ledger signs with Ed25519 (0x01)")
    if key.name != origin:
        raise _bad_trust(field, f"is named {key.name}, and the ledger's keys are named like its origin, {origin}")


def _check_cosigner(cosigner: Cosigner, field: str) -> None:
    if _organisation.fullmatch(cosigner.organisation) is None or cosigner.organisation == "none":
        raise _bad_trust(f"{field}.organisation", "is not 1 to 128 printable ASCII characters without space, quote and #")
    if cosigner.statement not in STATEMENTS:
        raise _bad_trust(f"{field}.statement", f"is not one of {', '.join(STATEMENTS)}")
    if cosigner.verifier.type == keys.ED25519:
        raise _bad_trust(f"{field}.vkey", "is a log's key (0x01), and cosigners sign with type 0x04")


def _check_distinct(trust: Trust) -> None:
    """A cosignature does not bind its signer's name (tlog-cosignature), so one key under two names would count twice."""
    seen: set[bytes] = set()
    listed = [(f"log_keys[{n}]", key) for n, key in enumerate(trust.log_keys)]
    listed += [(f"cosigners[{n}].vkey", cosigner.verifier) for n, cosigner in enumerate(trust.cosigners)]
    for field, key in listed:
        if key.public_key in seen:
            raise _bad_trust(field, "is a key that stands above already")
        seen.add(key.public_key)


def _check_fields(table: Mapping[str, object], known: tuple[str, ...], prefix: str) -> None:
    for field in table:
        if field not in known:
            raise _bad_trust(f"{prefix}{field}", f"is no field of a trust file; there are {', '.join(known)}")


def _text(table: Mapping[str, object], field: str, prefix: str) -> str:
    value = table.get(field)
    if not isinstance(value, str):
        raise _bad_trust(f"{prefix}{field}", "is missing" if value is None else "is not a text in quotes")
    return value


def _array(value: object, field: str) -> list[object]:
    if not isinstance(value, list):
        raise _bad_trust(field, "is not a list in brackets")
    return list(value)


def _tables(value: object) -> list[Mapping[str, object]]:
    tables: list[Mapping[str, object]] = []
    for n, item in enumerate(_array(value, "cosigners")):
        if not isinstance(item, dict):
            raise _bad_trust(f"cosigners[{n}]", "is not a table under [[cosigners]]")
        tables.append(item)
    return tables


def _quote(text: str) -> str:
    """A TOML basic string: like JSON's, with the one control character escaped that JSON leaves."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _bad_trust(field: str, reason: str) -> InvalidInput:
    subject = f"{field} of the trust file" if field else "the trust file"
    return InvalidInput(
        f"{subject} {reason}",
        code="bad-trust",
        hint="Correct the trust file, or ask the ledger's owner for it once more.",
        details={"field": field},
    )
