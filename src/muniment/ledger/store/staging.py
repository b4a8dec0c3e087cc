"""A block between being judged and being written, and what a process remembers of the ledger meanwhile."""

from __future__ import annotations

import apsw
import msgspec

from muniment.core.format import checkpoint, note, state_map
from muniment.core.format.entry import Header
from muniment.core.format.state_map import Change
from muniment.core.rules.chain import Position, Sealed, Transition
from muniment.core.rules.policy import Policy, Verdict
from muniment.errors import CorruptStore, Detail, InvalidInput
from muniment.ledger.store import blocks, entries, memberships, records
from muniment.ledger.store.blocks import BlockRow
from muniment.ledger.store.tree import OpenTiles


class Memory(msgspec.Struct):
    """What this process knows of the ledger at one height."""

    block: BlockRow
    position: Position
    open_tiles: OpenTiles
    map: state_map.Tree
    newest_id: str
    sound: bool = False
    records: dict[bytes, bytes | None] = msgspec.field(default_factory=dict)
    """Records that rules read beside those that they wrote, such as the signer's: they seldom change."""
    policy: Policy | None = None


class Judged(msgspec.Struct, frozen=True):
    """What became of a block: a verdict for each submission, and the policy that judged it."""

    verdicts: list[Verdict]
    policy: Policy


class Staged(msgspec.Struct, frozen=True):
    """A block that was judged and is ready to be written: its verdicts, and the header that seals it, if anything does.

    `root` is the root over all entries once it is written.
    """

    judged: Judged
    sealed: Sealed | None
    root: bytes
    transition: Transition
    memory: Memory
    leaves: dict[bytes, bytes] = {}
    change: Change | None = None


class Written(msgspec.Struct, frozen=True):
    """What a sealed block leaves in the tables."""

    transition: Transition
    leaves: dict[bytes, bytes]
    cells: dict[int, bytes]
    sealed: Sealed
    records: int


def check_head(memory: Memory, header: Header) -> None:
    """A block is built on what was signed: on a damaged row it would sign another history. Raises CorruptStore."""
    block, frontier = memory.block, memory.position.frontier
    try:
        head = checkpoint.parse(note.parse(block.checkpoint).text)
    except InvalidInput as error:
        details: dict[str, Detail] = {"table": "block", "row": block.height}
        raise CorruptStore(f"the checkpoint of block {block.height} cannot be read: {error}", details=details) from None
    if (head.size, head.root) != (frontier.size, frontier.root()):
        details = {"table": "entry", "row": block.index}
        raise CorruptStore(f"the entries up to {block.index} do not fold to the newest checkpoint", details=details)
    if memory.map.root().hex() != header.state:
        raise CorruptStore(f"the nodes of the state do not fold to header {block.height}", details={"table": "cell"})


def write_block(sql: apsw.Connection, staged: Written, note: bytes) -> BlockRow:
    """Write the rows of a block, but for the tiles of the tree."""
    header, admitted = staged.sealed.header, staged.transition.admitted
    first = header.size - len(admitted)
    envelopes, ids = [each.envelope for each in admitted], [each.event.event_id for each in admitted]
    entries.append(sql, first, envelopes, ids, staged.sealed.raw)
    records.write(sql, staged.transition.records, staged.leaves)
    records.write_cells(sql, staged.cells, header.height)
    row = BlockRow(header.height, header.size, staged.records, note)
    blocks.append(sql, row)
    if memberships.read(header) is not None:
        memberships.append(sql, header.height)
    return row
