"""What a node says of a ledger as of one block, checked: signature, origin, and that the block's header is the last entry.

opened = open_frame(frame, trust)          # VerificationError unless the trust file's keys signed it
opened.head.checkpoint.root, opened.header.state
"""

from __future__ import annotations

import msgspec

from muniment.core.format import merkle
from muniment.core.format.entry import Header
from muniment.core.proof import authority, evidence
from muniment.core.proof import header as headers
from muniment.core.proof.authority import Head
from muniment.core.proof.evidence import Pin
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput, Unavailable, VerificationError
from muniment.net.wire import Frame

HEADER_STEP = 8


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A checked frame. `raw` are the header's bytes; `since` is the size from which `consistency` leads here, if it was asked.

    `changed` is the node's word for when the members changed last.
    """

    head: Head
    header: Header
    raw: bytes
    since: int | None = None
    consistency: tuple[bytes, ...] = ()
    changed: int = 0

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.head.checkpoint.size

    @property
    def height(self) -> int:
        """The height of the newest header."""
        return self.header.height

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        return self.head.checkpoint.root

    @property
    def pin(self) -> Pin:
        """What to remember of it."""
        return evidence.pin(self.head)


def open_frame(frame: Frame, trust: Trust, since: int | None = None) -> Opened:
    """Check a frame that was asked for with consistency from `since`; that proof itself is for whoever knows the old root.

    Raises VerificationError: steps 2 to 4 as `authority.open_head` and `authority.check_vote`, step 7 `inclusion-...` and step 8
    (`header-form`, `header-index`, `header-root`) where its header is not the last entry; step 1 for what has no form at all.
    """
    try:
        head = authority.open_head(frame.checkpoint.encode(), trust)
        authority.check_vote(head, trust)
        raw = frame.header.encode()
        proof = parse_hashes(frame.inclusion)
    except (InvalidInput, UnicodeEncodeError) as error:
        raise VerificationError(f"what the node shows is no checkpoint: {error}", step=1, code="bad-frame") from None
    found = head.checkpoint
    evidence.pin(head)
    merkle.check_inclusion(merkle.leaf(raw), found.size - 1, found.size, proof, found.root)
    header = open_header(raw, found.size - 1)
    if header.root != _fold_before(proof).hex():
        raise VerificationError(
            "the newest header commits to other entries than the checkpoint does", step=HEADER_STEP, code="header-root"
        )
    shown = since is not None and frame.consistency is not msgspec.UNSET
    consistency = parse_hashes(frame.consistency) if frame.consistency is not msgspec.UNSET else ()
    return Opened(
        head=head,
        header=header,
        raw=raw,
        since=since if shown else None,
        consistency=consistency,
        changed=frame.changed,
    )


def open_header(raw: bytes, index: int | None = None) -> Header:
    """Read what must be a header, and stand at an index where one is given.

    Raises VerificationError (step 8) as `headers.open_header`, Unavailable (`protocol-unknown`) for one that only a later release
    can judge: that is nothing to hold against the node.
    """
    try:
        return headers.decode_header(raw) if index is None else headers.open_header(raw, index)
    except VerificationError as error:
        if error.code == "protocol-unknown":
            raise Unavailable(str(error), code=error.code, hint=error.hint) from None
        raise


def parse_hashes(hashes: tuple[str, ...]) -> tuple[bytes, ...]:
    """Hashes as they came over the wire, where their form was checked."""
    return tuple([bytes.fromhex(each) for each in hashes])


def _fold_before(proof: tuple[bytes, ...]) -> bytes:
    """The root of all entries before the last one, whose inclusion proof holds what stands on its left."""
    root = merkle.EMPTY
    for number, left in enumerate(proof):
        root = merkle.node(left, root) if number else left
    return root
