"""What a line of CometBFT's log means for the node: the few that a person must hear of, in words for people.

Its own health check stays well after a failure of consensus, and its process lives on; only its log says so.
"""

from __future__ import annotations

import json
import re
from typing import Literal, NamedTuple

MAX_TEXT = 300

Kind = Literal["failure", "alarm", "passing", "seen"]
"""failure: this engine will order no more blocks. alarm: stays. passing: ends unless it is seen again. seen: is only told."""

_node_id = re.compile(rb"\b[0-9a-f]{40}\b")


class Finding(NamedTuple):
    """What was found. `peer` is the engine's id of another node, or empty."""

    kind: Kind
    code: str
    text: str
    peer: str = ""


_DIVERGED = "this node computed another state than the others agreed on; it must be repaired before it takes part again"
_FAILED = "the engine met a failure and orders no more blocks"

# (what the line holds, all of it; what that means). The first that fits counts.
_TABLE: tuple[tuple[tuple[bytes, ...], Kind, str, str], ...] = (
    ((b"CONSENSUS FAILURE", b"AppHash"), "failure", "diverged", _DIVERGED),
    ((b"CONSENSUS FAILURE",), "failure", "engine-failed", _FAILED),
    ((b"AppHash", b"does not match"), "failure", "diverged", _DIVERGED),
    # Started again after that, it ends so.
    ((b"panic:", b"invalid block", b"wrong Block.Header.AppHash"), "failure", "diverged", _DIVERGED),
    (
        (b"found conflicting vote from ourselves",),
        "alarm",
        "double-sign",
        "this validator's key signs elsewhere too: stop the other node that has a copy of it",
    ),
    (
        (b"consensus deems this block invalid", b"AppHash"),
        "passing",
        "peer-diverged",
        "a proposed block stands on another state than this node computed: one of the two is wrong",
    ),
    ((b"no space left on device",), "passing", "disk", "the disk is full"),
    ((b"erified", b"evidence of byzantine behavior"), "seen", "double-sign", "a validator signed two different votes"),
    ((b"Stopping peer for error",), "seen", "peer-lost", "the connection to another engine broke"),
    ((b"Failed to reconnect to peer",), "seen", "peer-silent", "another engine cannot be reached"),
)


def recognise(line: bytes) -> Finding | None:
    """What a line means, or None where it is nothing that anybody must hear of."""
    for parts, kind, code, text in _TABLE:
        if all(part in line for part in parts):
            peer = _node_id.search(line) if kind == "seen" else None
            return Finding(kind, code, text, peer[0].decode() if peer else "")
    return None


def quote(line: bytes) -> str:
    """A line's own words where it complains of something, else an empty text: why an engine ended, where nothing else says."""
    if line.startswith((b"panic:", b"ERROR:", b"fatal error:")) or b" cannot be run: " in line:
        return line.decode("utf-8", "replace").strip()[:MAX_TEXT]
    if b'"level":"error"' not in line:
        return ""
    try:
        said = json.loads(line)
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    why = said.get("err") or said.get("error") or ""
    return f"{said.get('_msg', '')}: {why}".strip(": ")[:MAX_TEXT]
