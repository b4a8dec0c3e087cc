"""SQLite's own word on the file, and whether its tables are ours."""

from __future__ import annotations

import apsw

from muniment.ledger.store import connection
from muniment.ledger.store.fsck.report import Findings

MAX_MESSAGES = 100
_SCHEMA = "SELECT name, type || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema"
_PRAGMAS = ("application_id", "user_version", "encoding", "auto_vacuum")


def check_structure(sql: apsw.Connection, findings: Findings) -> bool:
    """Check pages, indices, schema and identity. False where nothing else can be read."""
    expected, ours = _new()
    try:
        schema = dict(sql.execute(_SCHEMA))
    except (apsw.Error, UnicodeError) as error:
        findings.add("unreadable", "file", "schema", f"SQLite cannot read the file: {error}")
        return False
    for name in sorted(expected.keys() | schema.keys()):
        if schema.get(name) != expected.get(name):
            said = (
                "is missing" if name not in schema else "does not belong here" if name not in expected else "is defined otherwise"
            )
            findings.add("schema", "file", f"schema {name}", f"`{name}` {said}")
    for pragma in _PRAGMAS:
        with findings.reading(pragma):
            found = sql.execute(f"PRAGMA {pragma}").get
            if found != ours[pragma]:
                findings.add("identity", "file", pragma, f"the file says {pragma} {found}, a ledger has {ours[pragma]}")
    with findings.reading("pages"):
        for number, (message,) in enumerate(sql.execute(f"PRAGMA integrity_check({MAX_MESSAGES})")):
            if message != "ok":
                findings.add("structure", "file", f"damage {number}", f"SQLite finds damage: {message}")
    if expected.items() <= schema.items():
        return True
    findings.skip("No row was read, because the tables are not those of a ledger.")
    return False


def _new() -> tuple[dict[str, str], dict[str, int | str]]:
    """Schema and identity of a new file, as SQLite keeps them."""
    with connection.open_memory() as sql:
        return dict(sql.execute(_SCHEMA)), {pragma: sql.execute(f"PRAGMA {pragma}").get for pragma in _PRAGMAS}
