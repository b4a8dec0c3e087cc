"""The rows of blocks: each one's signed checkpoint says where the block ends and which tree ends there.

Before a ledger has members, its own key signs. Then each row carries the line of the member whose file this is; where he was no
member at that block, a quorum of the lines that were kept beside it stands in.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw
import msgspec

from muniment.core.format import checkpoint, keys, note
from muniment.core.format.note import Note
from muniment.core.rules import members
from muniment.core.rules.members import Validators
from muniment.errors import InvalidInput, MunimentError, VerificationError
from muniment.ledger.store import blocks, cosignatures, memberships
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
    """Reads rows of blocks by height and notes those that are wrong by themselves.

    `log_keys` may sign before there are members. `judges` are the members who judge the row that is read next, as far as the
    pass over the entries has come.
    """

    def __init__(self, sql: apsw.Connection, log_keys: Sequence[keys.Verifier], findings: Findings) -> None:
        self._sql = sql
        self._log_keys = tuple(log_keys)
        self._findings = findings
        self._signed = 0
        self._unsigned: list[tuple[int, str, str]] = []
        self.judges: Validators | None = None
        self.roots: dict[int, bytes] = {}
        """The signed roots by size."""

    @property
    def is_whole(self) -> bool:
        """Did every checkpoint hold that was read?"""
        return not self._unsigned

    def read(self, height: int) -> Seal | None:
        """The row of a height, where there is one."""
        row = self._sql.execute(_ROW, (height,)).fetchone()
        if row is None:
            return None
        index, records, raw = row
        try:
            head = self._open(height, raw, self.judges)
        except (InvalidInput, VerificationError) as error:
            self._unsigned.append((height, error.code, f"the checkpoint of block {height} does not hold: {error}"))
            return Seal(height, index, records, None)
        self._signed += 1
        self.roots[head.size] = head.root
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
        heights: list[int] = [each for (each,) in self._sql.execute("SELECT height FROM block ORDER BY height DESC LIMIT 64")]
        for height in heights:
            raw = self._sql.execute(
                "SELECT iif(typeof(checkpoint) = 'blob', checkpoint, NULL) FROM block WHERE height = ?", (height,)
            ).get
            try:
                return self._open(height, raw, self.guess(height)).size
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
            whose = f"the key {keys.format(self._log_keys[0])}" if self._log_keys else "a member"
            self._findings.add("log-key", "block", height, f"none of the {len(self._unsigned)} checkpoints is signed by {whose}")

    def _open(self, height: int, raw: bytes | None, judges: Validators | None) -> checkpoint.Checkpoint:
        if raw is None:
            raise InvalidInput("it is not kept as bytes", code="type")
        parsed = note.parse(raw)
        head = checkpoint.parse(parsed.text)
        # What stands beside the one line would go unnoticed: cosignatures have a table of their own.
        if len(parsed.signatures) != 1 or head.extensions:
            raise InvalidInput("it carries more than one line", code="bad-checkpoint")
        if judges is None:
            return self._open_signed(raw)
        if not checkpoint.open_cosignatures(parsed, cosigners(head.origin, judges)):
            self._require_quorum(height, head.origin, parsed, judges)
        return head

    def _open_signed(self, raw: bytes) -> checkpoint.Checkpoint:
        for key in self._log_keys[:-1]:
            try:
                return checkpoint.open(raw, key)
            except VerificationError:
                continue
        if not self._log_keys:
            raise VerificationError("no key of the ledger is known", step=3, code="log-key-unknown")
        return checkpoint.open(raw, self._log_keys[-1])

    def _require_quorum(self, height: int, origin: str, parsed: Note, judges: Validators) -> None:
        kept = [line for name, line in cosignatures.read(self._sql, height).items() if name and isinstance(line, str)]
        said = checkpoint.open_cosignatures(note.attach(parsed, kept), cosigners(origin, judges))
        if len(said) < judges.quorum:
            raise VerificationError(f"{len(said)} members signed it, and {judges.quorum} must have", step=4, code="quorum")

    def guess(self, height: int) -> Validators | None:
        """Who judges a height, by the file's own word: good enough to find where the ledger ends."""
        try:
            found = memberships.last_before(self._sql, max(height, 1))
            return None if found is None else memberships.read(blocks.read_header(self._sql, blocks.at_height(self._sql, found)))
        except (MunimentError, apsw.Error):
            return None


def cosigners(origin: str, validators: Validators) -> list[keys.Verifier]:
    """The keys that members cosign with."""
    return [
        keys.derive(members.cosigner_name(origin, each.organisation), bytes.fromhex(each.cosigner), keys.COSIGNATURE)
        for each in validators.members
    ]
