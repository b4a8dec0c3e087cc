"""The rows of blocks: each one's signed checkpoint says where the block ends and which tree ends there."""

from __future__ import annotations

import apsw
import msgspec

from muniment.core.format import checkpoint, keys, note
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger.store.fsck.report import Findings

_ROW = (
    "SELECT iif(typeof(idx) = 'integer', idx, -1), iif(typeof(records) = 'integer', records, -1),"
    " iif(typeof(checkpoint) = 'blob', checkpoint, NULL) FROM block WHERE height = ?"
)


class Seal(msgspec.Struct, frozen=True):
    """A block's row: the entry of its header, the number of records after it, and the signed root, if the signature holds."""

    height: int
    index: int
    records: int
    root: bytes | None


class Seals:
    """Reads rows of blocks by height and notes those that are wrong by themselves."""

    def __init__(self, sql: apsw.Connection, log: keys.Verifier, findings: Findings) -> None:
        self._sql = sql
        self._log = log
        self._findings = findings
        self._signed = 0
        self._unsigned: list[tuple[int, str, str]] = []

    def read(self, height: int) -> Seal | None:
        """The row of a height, where there is one."""
        row = self._sql.execute(_ROW, (height,)).fetchone()
        if row is None:
            return None
        index, records, raw = row
        try:
            head = self._open(raw)
        except (InvalidInput, VerificationError) as error:
            self._unsigned.append((height, error.code, f"the checkpoint of block {height} does not hold: {error}"))
            return Seal(height, index, records, None)
        self._signed += 1
        if head.size != index + 1:
            self._findings.add(
                "block-index",
                "block",
                height,
                f"block {height} says that it ends at entry {index}, its checkpoint at {head.size - 1}",
            )
        return Seal(height, head.size - 1, records, head.root)

    def newest_size(self) -> int:
        """How many entries the newest checkpoint that holds covers; 0 where none holds."""
        for (height,) in self._sql.execute("SELECT height FROM block ORDER BY height DESC LIMIT 64").fetchall():
            raw = self._sql.execute(
                "SELECT iif(typeof(checkpoint) = 'blob', checkpoint, NULL) FROM block WHERE height = ?", (height,)
            ).get
            try:
                return self._open(raw).size
            except (InvalidInput, VerificationError):
                continue
        return 0

    def heights_outside(self, first: int, stop: int) -> list[int]:
        """The heights of rows outside [first, stop)."""
        return [
            height for (height,) in self._sql.execute("SELECT height FROM block WHERE height < ? OR height >= ?", (first, stop))
        ]

    def conclude(self) -> None:
        """Name the rows whose checkpoints do not hold: one by one, or, where none holds at all, the reason that they share."""
        if self._signed or len(self._unsigned) < 2:
            for height, code, message in self._unsigned:
                self._findings.add(code, "block", height, message)
        else:
            height = self._unsigned[-1][0]
            self._findings.add(
                "log-key",
                "block",
                height,
                f"none of the {len(self._unsigned)} checkpoints is signed by the key {keys.format(self._log)}",
            )

    def _open(self, raw: bytes | None) -> checkpoint.Checkpoint:
        if raw is None:
            raise InvalidInput("it is not kept as bytes", code="type")
        head = checkpoint.open(raw, self._log)
        # What stands beside the log's own line would go unnoticed: cosignatures have a table of their own.
        if len(note.parse(raw).signatures) != 1 or head.extensions:
            raise InvalidInput("it carries more than the log's own line", code="bad-checkpoint")
        return head
