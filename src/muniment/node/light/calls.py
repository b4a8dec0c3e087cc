"""What other nodes may ask of this node's consensus engine: the three questions of its light client, and nothing else.

Headers, their signatures, the validators and the agreed settings of the engine: no event, no transaction, no way to write. The
request that goes on to the engine is written anew here, so that nothing of the asker's own reaches it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from muniment.core.format import layout
from muniment.errors import InvalidInput

PATH = "/v1/engine"
MAX_REQUEST_BYTES = 2_048
MAX_ANSWER_BYTES = 1 << 20

Ask = Callable[[bytes], bytes]
"""Hands a JSON-RPC request to the engine and returns its answer. Raises Unavailable."""

CALLS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "commit": frozenset({"height"}),
        "consensus_params": frozenset({"height"}),
        "validators": frozenset({"height", "page", "per_page"}),
    }
)

_value = re.compile(r"[0-9]{1,19}")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A question in JSON-RPC 2.0, as the engine's own clients write it: numbers are text."""

    jsonrpc: str = "2.0"
    id: int | str = 0
    method: str = ""
    params: dict[str, str] = {}


def open_request(raw: bytes) -> Request:
    """The question, if it may be asked. Raises InvalidInput (`engine-call`)."""
    try:
        found = msgspec.json.decode(raw[:MAX_REQUEST_BYTES], type=Request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _refuse("this is no request in JSON-RPC") from None
    allowed = CALLS.get(found.method)
    if allowed is None:
        raise _refuse(f"{found.method[:40]!r} may not be asked of the engine here")
    if not allowed.issuperset(found.params) or not all(_value.fullmatch(each) for each in found.params.values()):
        raise _refuse(f"{found.method} takes {', '.join(sorted(allowed))}, each a number")
    if isinstance(found.id, str) and len(found.id) > 64:
        raise _refuse("the id of the request is too long")
    return found


def forward(raw: bytes, ask: Ask) -> bytes:
    """The engine's answer to a question that may be asked. Raises InvalidInput (`engine-call`), Unavailable."""
    return ask(msgspec.json.encode(open_request(raw)))


def _refuse(reason: str) -> InvalidInput:
    return InvalidInput(
        reason, code="engine-call", hint=f"Nodes that begin from a snapshot ask {', '.join(sorted(CALLS))}; all else is in /v1."
    )


layout.settle(globals().values())
