"""What goes over the wire between a client and a node, beside the rows of the index and the files of proofs.

Hashes are 64 lower hex digits; checkpoints, headers and entries travel as the text that was signed or hashed. Nothing here is
believed because it was received: `net.frames` and `net.remote` check every part against the reader's trust file.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec

from muniment.core.format import layout
from muniment.core.format.encoding import HexDigest
from muniment.core.format.state_map import StateProof
from muniment.core.proof.answer import Opened, Question
from muniment.core.proof.path import MAX_STEPS, Step
from muniment.core.rules.policy import Reason

T = TypeVar("T")

MAX_EVENTS = 1_000
"""How many entries one request may submit."""

MAX_HASHES = 64
"""No proof in a tree has more hashes."""

Hashes = Annotated[tuple[HexDigest, ...], msgspec.Meta(max_length=MAX_HASHES)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Absent = msgspec.UnsetType
Disclose = bool | tuple[str, ...]
"""Which sealed fields an answer opens: all that the node's vault holds, none, or those with these names."""


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The shape of every message. A field that a reader does not know is passed over, so that nodes may say more."""


class Frame(Wire, frozen=True, kw_only=True):
    """A ledger as of one sealed block.

    `checkpoint` is the signed note, `header` the last entry, which sealed the block, `inclusion` the proof that it is that.
    `size`, `height` and `time` repeat what they say, for people. `consistency` is the proof from the size that was asked for.
    `changed` is the size of the newest checkpoint before this one that changed the members of a consortium: /v1/trust shows how.
    """

    checkpoint: str
    size: Count
    height: Count
    time: str
    header: str
    inclusion: Hashes
    consistency: Hashes | Absent = msgspec.UNSET
    changed: Count = 0


class Judged(Wire, frozen=True, kw_only=True):
    """The verdict about one entry. `index`, `height` and `proof` are there where the entry is in the ledger.

    `proof` shows the entry under the checkpoint of the same answer. A dry run names no height and proves nothing.
    """

    decision: Literal["admitted", "repeated", "refused"]
    event_id: str
    index: Count | Absent = msgspec.UNSET
    height: Count | Absent = msgspec.UNSET
    reasons: tuple[Reason, ...] = ()
    proof: Hashes | Absent = msgspec.UNSET


class Submission(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is submitted: envelopes, byte for byte, in order, and what opens their sealed fields."""

    entries: Annotated[tuple[msgspec.Raw, ...], msgspec.Meta(min_length=1, max_length=MAX_EVENTS)]
    disclosures: tuple[Opened, ...] = ()


class Submitted(Wire, frozen=True, kw_only=True):
    """What became of it: one verdict for each entry, in order, and the ledger as of a block that holds what was admitted."""

    verdicts: tuple[Judged, ...]
    view: Frame


class Rehearsed(Wire, frozen=True, kw_only=True):
    """What would become of it; nothing was written."""

    verdicts: tuple[Judged, ...]


class About(Wire, frozen=True, kw_only=True):
    """What a first contact needs: the ledger and its trust file, as its operator hands it out."""

    origin: str
    ledger: HexDigest
    trust: str
    fingerprint: str
    release: str
    size: Count
    height: Count
    tier: str


class Members(Wire, frozen=True, kw_only=True):
    """How the members came to be those who judge the newest block (docs/spec, section 11.6).

    `trust` is the trust file that `path` leads to, as the operator would hand it out: nobody believes it because it stands here.
    """

    trust: str
    path: Annotated[tuple[Step, ...], msgspec.Meta(max_length=MAX_STEPS)] = ()


class Proof(Wire, frozen=True, kw_only=True):
    """An inclusion or consistency proof."""

    hashes: Hashes


class Standing(Wire, frozen=True, kw_only=True):
    """The record of a stream, with its proof under the header of `view`. None where the proof shows that there is none.

    `record` repeats the canonical text that `proof` holds, for people.
    """

    record: str | None
    proof: StateProof
    view: Frame


class Place(Wire, frozen=True, kw_only=True):
    """Where the event with an id stands."""

    index: Count


class Height(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """A height; None before the genesis."""

    height: Count | None


class Name(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """What people call a digest; None where nobody named it."""

    name: str | None


class Asking(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question whose answer is to be a file that others can verify."""

    question: Question
    disclose: Disclose = False


class Problem(Wire, frozen=True, kw_only=True):
    """What went wrong (RFC 9457), with the code, hint and details of the error tree."""

    type: str = ""
    title: str = ""
    status: int = 0
    detail: str = ""
    code: str = ""
    hint: str = ""
    details: dict[str, object] = {}


def decode(raw: bytes, type_: type[T]) -> T:
    """Read a message. Raises ValueError, of which msgspec's errors are some, where it has another form."""
    return msgspec.json.decode(raw, type=type_)


layout.settle(globals().values())
