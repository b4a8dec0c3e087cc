"""Proofs in the tree and in the state map, and the records that they are about."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import Parameter

from muniment.core.format.encoding import MAX_INTEGER
from muniment.core.rules.events.stream_name import Stream
from muniment.errors import InvalidInput
from muniment.net.wire import Proof, Standing
from muniment.server import frames
from muniment.server.api.parameters import Index, Since, StreamPath
from muniment.server.hosting import Hosted

Size = Annotated[int | None, Parameter(ge=1, le=MAX_INTEGER, description="A size of the ledger; the newest without it.")]
Old = Annotated[int, Parameter(ge=1, le=MAX_INTEGER, description="The smaller size.")]


@get("/v1/proofs/inclusion", opt={"scope": "read"}, sync_to_thread=True)
def prove_inclusion(hosted: NamedDependency[Hosted], index: Index, size: Size = None) -> Proof:
    """The proof that an entry is in the tree of the first `size` entries (RFC 9162, section 2.1.3), from its sibling up."""
    with hosted.reader.view() as view:
        return Proof(hashes=frames.to_hex(view.inclusion(index, view.size if size is None else size)))


@get("/v1/proofs/consistency", opt={"scope": "read"}, sync_to_thread=True)
def prove_consistency(hosted: NamedDependency[Hosted], old: Old, new: Size = None) -> Proof:
    """The proof that the tree of `new` entries begins with that of `old` ones (RFC 9162, section 2.1.4)."""
    with hosted.reader.view() as view:
        return Proof(hashes=frames.to_hex(view.consistency(old, view.size if new is None else new)))


@get("/v1/records/{stream:path}", opt={"scope": "read"}, sync_to_thread=True)
def read_record(hosted: NamedDependency[Hosted], stream: StreamPath, since: Since = None) -> Standing:
    """The record of a stream in the state map, or that there is none, proved under the newest header."""
    name = parse_stream(stream)
    with hosted.reader.view() as view:
        proof = view.prove_state(name)
        record = None if proof.value is msgspec.UNSET else bytes(proof.value).decode()
        return Standing(record=record, proof=proof, view=frames.read_frame(view, since))


def parse_stream(path: str) -> str:
    """The whole name of a stream at the end of a path. Raises InvalidInput (`bad-stream`)."""
    try:
        return msgspec.convert(path.removeprefix("/"), Stream)
    except msgspec.ValidationError:
        raise InvalidInput(
            f"{path[:200]!r} is no stream",
            code="bad-stream",
            hint="Write its whole name, such as version/<64 hex digits>, model/NAME, deployment/ENVIRONMENT/NAME.",
        ) from None


ROUTES = (prove_inclusion, prove_consistency, read_record)
