"""What a line of CometBFT's log means for the node: the few that a person must hear of, in words for people.

Its own health check stays well after a failure of consensus, and its process lives on; only its log says so.

Whoever reaches the engine's port for other engines gets words of his own into this log: the name of his network stands in the line
that turns him away. So only the message itself counts, which nobody else writes, and a reason only where the engine calls it an
error: a stranger must not be able to stop a node by what he is called.
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


class _Line(NamedTuple):
    """A line of the log: its message, and the reason that an error has. Of the last words of a program that ends, the first one."""

    message: str
    reason: str


_LAST_WORDS = ("panic:", "ERROR:", "fatal error:")
_NO_ROOM = "no space left on device"
_DIVERGED = "this node computed another state than the others agreed on; it must be repaired before it takes part again"
_FAILED = "the engine met a failure and orders no more blocks"

# (what the message begins with; what the reason holds; what that means). The first that fits counts.
_TABLE: tuple[tuple[str, str, Kind, str, str], ...] = (
    ("CONSENSUS FAILURE", "AppHash", "failure", "diverged", _DIVERGED),
    ("CONSENSUS FAILURE", "", "failure", "engine-failed", _FAILED),
    ("panic:", "AppHash does not match", "failure", "diverged", _DIVERGED),
    # Started again after that, it ends so.
    ("panic:", "wrong Block.Header.AppHash", "failure", "diverged", _DIVERGED),
    ("ERROR:", "does not match app's AppHash", "failure", "diverged", _DIVERGED),
    (
        "found conflicting vote from ourselves",
        "",
        "alarm",
        "double-sign",
        "this validator's key signs elsewhere too: stop the other node that has a copy of it",
    ),
    (
        "prevote step: consensus deems this block invalid",
        "AppHash",
        "passing",
        "peer-diverged",
        "a proposed block stands on another state than this node computed: one of the two is wrong",
    ),
    ("panic:", _NO_ROOM, "passing", "disk", "the disk is full"),
    ("Verified new evidence of byzantine behavior", "", "seen", "double-sign", "a validator signed two different votes"),
    ("verified new evidence of byzantine behavior", "", "seen", "double-sign", "a validator signed two different votes"),
    ("Check evidence: verified evidence of byzantine", "", "seen", "double-sign", "a validator signed two different votes"),
    ("Stopping peer for error", "", "seen", "peer-lost", "the connection to another engine broke"),
    ("Failed to reconnect to peer", "", "seen", "peer-silent", "another engine cannot be reached"),
)


def recognise(line: bytes) -> Finding | None:
    """What a line means, or None where it is nothing that anybody must hear of."""
    message, reason = _read(line)
    for begins, holds, kind, code, text in _TABLE:
        if message.startswith(begins) and holds in reason:
            peer = _node_id.search(line) if kind == "seen" else None
            return Finding(kind, code, text, peer[0].decode() if peer else "")
    if reason.endswith(_NO_ROOM):
        return Finding("passing", "disk", "the disk is full")
    return None


def quote(line: bytes) -> str:
    """A line's own words where it complains of something, else an empty text: why an engine ended, where nothing else says."""
    message, reason = _read(line)
    if message in _LAST_WORDS or (b" cannot be run: " in line and not line.startswith(b"{")):
        return line.decode("utf-8", "replace").strip()[:MAX_TEXT]
    return f"{message}: {reason}".strip(": ")[:MAX_TEXT] if reason or b'"level":"error"' in line else ""


def _read(line: bytes) -> _Line:
    if not line.startswith(b"{"):
        text = line.decode("utf-8", "replace")
        word = next((each for each in _LAST_WORDS if text.startswith(each)), "")
        return _Line(word, text.removeprefix(word)) if word else _Line("", "")
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return _Line("", "")
    message = str(said.get("_msg", ""))
    return _Line(message, str(said.get("err") or said.get("error") or "") if said.get("level") == "error" else "")
