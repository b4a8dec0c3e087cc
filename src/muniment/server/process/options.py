"""From options and `server.toml` to one `Settings`: the file says what it likes, and what is typed beside it is stronger.

    host = "0.0.0.0"                         [[ledgers]]                    [limits]
    port = 8760                              name = "credit"                requests_per_second = 500
    public = true                            home = "/srv/credit"

Names and types are those of server.settings; a table `[[providers]]` is an OIDC provider. Relative paths count from the folder
of the file. A name that nobody knows is an error, because a mistyped limit would be none.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from muniment.core.format.encoding import Segment
from muniment.errors import InvalidInput
from muniment.server.settings import Limits, Provider, Served, Settings

MAX_FILE_BYTES = 1 << 20
STATE = "server"
"""The state's folder in the first ledger's home, where nobody says another."""


def resolve(said: Mapping[str, object], home: Path, file: Path | None) -> Settings:
    """The settings: `said` are the options that were typed, `home` is the ledger at the root where none is named.

    Raises InvalidInput (`unknown-key`, `bad-value`, `bad-config`, `bad-name`).
    """
    found = _load(file) if file is not None else {}
    found |= {key: value for key, value in said.items() if value not in (None, ())}
    ledgers = found.get("ledgers") or [{"name": "", "home": str(home)}]
    found["ledgers"] = ledgers
    place = str(file) if file is not None else "the options"
    if isinstance(ledgers, list) and ledgers and isinstance(ledgers[0], dict) and "state" not in found:
        found["state"] = str(Path(str(ledgers[0].get("home", home))) / STATE)
    try:
        settings = msgspec.convert(found, Settings, dec_hook=_convert_path)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"{place}: {error}", code="bad-value", hint="docs/server.md lists every setting with its type."
        ) from None
    _check(settings, place)
    return settings


def parse_ledger(text: str) -> dict[str, str]:
    """`NAME=FOLDER`. Raises InvalidInput (`bad-name`)."""
    name, equals, folder = text.partition("=")
    if not equals or not folder:
        raise InvalidInput(f"{text!r} is no NAME=FOLDER", code="bad-name", hint="Write --ledger credit=/srv/credit.")
    return {"name": name, "home": os.path.abspath(folder)}


def _load(file: Path) -> dict[str, Any]:
    """What a file says, its paths made absolute."""
    try:
        with file.open("rb") as reading:
            raw = reading.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise _broken(file, f"more than {MAX_FILE_BYTES} bytes")
        found = tomllib.loads(raw.decode())
    except OSError as error:
        raise _broken(file, error.strerror or "unreadable") from None
    except (ValueError, RecursionError) as error:
        raise _broken(file, str(error)) from None
    _check_keys(found, Settings, str(file))
    for key, type_ in (("limits", Limits), ("ledgers", Served), ("providers", Provider)):
        tables = found.get(key, [])
        for table in tables if isinstance(tables, list) else [tables]:
            if isinstance(table, dict):
                _check_keys(table, type_, f"{file} [{key}]")
    folder = file.resolve().parent
    for table in (found, *(each for each in _list(found.get("ledgers")) if isinstance(each, dict))):
        for key in ("state", "certificate", "certificate_key", "home"):
            if isinstance(table.get(key), str):
                table[key] = os.path.abspath(folder / os.path.expanduser(table[key]))
    return found


def _check_keys(table: Mapping[str, object], type_: type[msgspec.Struct], place: str) -> None:
    for key in table:
        if key not in type_.__struct_fields__:
            near = difflib.get_close_matches(key.replace("-", "_").lower(), type_.__struct_fields__, n=1)
            known = ", ".join(type_.__struct_fields__)
            raise InvalidInput(
                f"{place}: there is no setting {key!r}",
                code="unknown-key",
                hint=f"Did you mean {near[0]!r}?" if near else f"There are {known}.",
            )


def _check(settings: Settings, place: str) -> None:
    for served in settings.ledgers:
        try:
            msgspec.convert(served.name or "root", Segment)
        except msgspec.ValidationError:
            raise InvalidInput(
                f"{place}: {served.name!r} cannot name a ledger",
                code="bad-name",
                hint="Use letters, digits, dots, dashes and underscores; it stands in addresses.",
            ) from None
    if (settings.certificate is None) != (settings.certificate_key is None):
        raise InvalidInput(
            f"{place}: a certificate and its key come together",
            code="bad-certificate",
            hint="Give both: --tls-certificate FILE --tls-key FILE.",
        )
    if not 0 <= settings.port < 1 << 16 or not 1 <= settings.workers <= 64 or settings.log_format not in ("json", "text"):
        raise InvalidInput(
            f"{place}: port, workers or log_format has a value that cannot be",
            code="bad-value",
            hint="A port is 0 to 65535, workers are 1 to 64, and the log is json or text.",
        )
    numbers = msgspec.structs.asdict(settings.limits)
    if wrong := [name for name, value in numbers.items() if value <= 0]:
        raise InvalidInput(
            f"{place}: the limit {wrong[0]} is not above zero", code="bad-value", hint="Leave it out to have the usual one."
        )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _convert_path(type_: type[Any], value: Any) -> Any:
    if type_ is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError


def _broken(file: Path, why: str) -> InvalidInput:
    return InvalidInput(f"{file} cannot be read: {why}", code="bad-config", hint="Correct the file; it is TOML.")
