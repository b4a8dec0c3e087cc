"""Checking the whole file: everything in it is computed again from its entries, and every row that is wrong is named.

    report = fsck(path, believed)                # the key that signs checkpoints, or the trust file
    for each in report.findings: print(each.table, each.row, each.message)

    structure   SQLite's own pages, and whether the tables are ours
    walk        entries, blocks, tiles and the state machine, in one pass; slots, seals and witnesses serve it
    tables      event ids, tiles, records and nodes, compared with what the walk gave
    council     what a consortium adds: members, their lines on checkpoints, heights of the engine

The file is opened for reading only and seen as of one moment, while others may go on writing. SQLite may leave an empty
`-wal` and a `-shm` file beside it, as after any reading of a file in WAL mode; what a writer has committed to an existing
`-wal` is read and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from muniment.core.format import keys
from muniment.core.proof.trust import Trust
from muniment.errors import CorruptStore, MunimentError
from muniment.ledger.store import connection
from muniment.ledger.store.fsck import council, tables
from muniment.ledger.store.fsck.report import Finding, Findings, Report
from muniment.ledger.store.fsck.structure import check_structure
from muniment.ledger.store.fsck.walk import Progress, Walk

__all__ = ["Beside", "Finding", "Report", "fsck"]

Beside = Mapping[str, Callable[[], Iterable[int | str]]]
"""What lies beside the file: a name such as `vault`, and a check that gives what is wrong there, such as `Vault.check`."""


def fsck(path: Path, believed: keys.Verifier | Trust, progress: Progress | None = None, *, beside: Beside | None = None) -> Report:
    """Check a ledger's file; nothing is changed. `progress` is told entries done and entries in all.

    `believed`: the key that signs checkpoints, or a trust file, which a ledger with members needs: they judge each other's blocks
    from the genesis on, and only the ledger's id says which genesis it is.
    Damage of any kind is a finding, never an error. Raises NotFound, and Unavailable where the file cannot be opened at all.
    """
    log_keys, ledger = (believed.log_keys, believed.ledger) if isinstance(believed, Trust) else ((believed,), "")
    findings = Findings()
    walk = None
    try:
        with connection.open_reader(path) as sql:
            walk = Walk(sql, log_keys, findings, ledger)
            if check_structure(sql, findings):
                walk.run(progress)
                tables.check_events(sql, walk, findings)
                tables.check_tiles(sql, walk, findings)
                tables.check_records(sql, walk, findings)
                council.check_memberships(sql, walk, findings)
                council.check_cosignatures(sql, walk, findings)
                council.check_marks(sql, walk, findings)
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
