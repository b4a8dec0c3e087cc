"""What a supervisor is told to run: everything is decided before, so that it need not know how a node is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

APPLICATION = "application"
ENGINE = "engine"


class Orders(NamedTuple):
    """One node's processes.

    folder: HOME/node; application, engine: their command lines; rpc: host and port of the engine's RPC
    lock: the descriptor that holds the node's lock; log_format: `json` or `text`; as_json: greet with one JSON object
    """

    folder: Path
    application: tuple[str, ...]
    engine: tuple[str, ...]
    rpc: tuple[str, int]
    lock: int
    log_format: str = "json"
    as_json: bool = False


def encode(orders: Orders) -> str:
    """As one argument of a command line."""
    return json.dumps({**orders._asdict(), "folder": str(orders.folder)})


def decode(text: str) -> Orders:
    """What `encode` wrote."""
    found = json.loads(text)
    host, port = found["rpc"]
    return Orders(
        **{
            **found,
            "folder": Path(found["folder"]),
            "application": tuple(found["application"]),
            "engine": tuple(found["engine"]),
            "rpc": (host, port),
        }
    )
