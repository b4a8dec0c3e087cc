"""Checking the whole file: everything in it is computed again from its entries, and every row that is wrong is named.

    report = fsck(path, log)                     # log: the key that signs checkpoints
    for each in report.findings: print(each.table, each.row, each.message)

    structure   SQLite's own pages, and whether the tables are ours
    walk        entries, blocks, tiles and the state machine, in one pass; slots, seals and witnesses serve it
    tables      event ids, tiles, records and nodes, compared with what the walk gave

The file is opened for reading only and seen as of one moment, while others may go on writing. SQLite may leave an empty
`-wal` and a `-shm` file beside it, as after any reading of a file in WAL mode; what a writer has committed to an existing
`-wal` is read and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from muniment.core.format import keys
from muniment.errors import CorruptStore, MunimentError
from muniment.ledger.store import connection
from muniment.ledger.store.fsck import tables
from muniment.ledger.store.fsck.report import Finding, Findings, Report
from muniment.ledger.store.fsck.structure import check_structure
from muniment.ledger.store.fsck.walk import Progress, Walk

__all__ = ["Beside", "Finding", "Report", "fsck"]

Beside = Mapping[str, Callable[[], Iterable[int | str]]]
"""What lies beside the file: a name such as `vault`, and a check that gives what is wrong there, such as `Vault.check`."""


def fsck(path: Path, log: keys.Verifier, progress: Progress | None = None, *, beside: Beside | None = None) -> Report:
    """Check a ledger's file; nothing is changed. `progress` is told entries done and entries in all.

    Damage of any kind is a finding, never an error. Raises NotFound, and Unavailable where the file cannot be opened at all.
    """
    findings = Findings()
    walk = None
    try:
        with connection.open_reader(path) as sql:
            walk = Walk(sql, log, findings)
            if check_structure(sql, findings):
                walk.run(progress)
                tables.check_events(sql, walk, findings)
                tables.check_tiles(sql, walk, findings)
                tables.check_records(sql, walk, findings)
    except CorruptStore as error:
        findings.add(error.code, "file", "header", str(error))
    for name, check in (beside or {}).items():
        try:
            for row in check():
                findings.add("damaged", name, row, f"{name}: {row} is damaged")
        except MunimentError as error:
            findings.add(error.code, name, "", str(error))
    return Report(
        findings=tuple(findings.found),
        events=walk.events if walk else 0,
        blocks=walk.blocks if walk else 0,
        size=walk.size if walk else 0,
        replayed=walk is not None and walk.blocks > 0 and walk.replay is not None,
        unchecked=findings.conclude(),
    )
