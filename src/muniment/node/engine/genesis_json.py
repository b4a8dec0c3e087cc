"""CometBFT's `genesis.json`: the same for all nodes of a consortium, a function of what its members sealed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

import msgspec

from muniment.core.rules.chain import Position
from muniment.errors import InvalidInput
from muniment.node.engine import agreed

CHAIN_PREFIX = "muniment-"
CHAIN_DIGITS = 32


class AppState(msgspec.Struct, frozen=True):
    """Where the ledger stood when its chain began: what the application is handed at the engine's first start.

    `leaf` is that of its newest header, `root` and `size` those of its newest checkpoint.
    """

    ledger: str
    leaf: str
    origin: str
    root: str
    size: int

    @classmethod
    def of(cls, position: Position) -> AppState:
        """A ledger as it stands now."""
        frontier = position.frontier
        return cls(position.ledger, position.leaf.hex(), position.origin, frontier.root().hex(), frontier.size)


def format(*, time: str, protocol: int, validators: Iterable[tuple[str, str]], state: AppState) -> str:
    """The text of the file.

    time: of the first block, RFC 3339 in UTC; protocol: the number in force, which the application must give as its `app_version`;
    validators: organisation and Ed25519 key (64 hex digits) of each member
    """
    # CometBFT writes 64-bit numbers as text, and reads nothing else.
    value = {
        "genesis_time": time,
        "chain_id": name_chain(state.ledger),
        "initial_height": "1",
        "consensus_params": {
            "block": {"max_bytes": str(agreed.BLOCK_BYTES), "max_gas": "-1"},
            "evidence": {
                "max_age_num_blocks": str(agreed.EVIDENCE_BLOCKS),
                "max_age_duration": str(agreed.EVIDENCE_NS),
                "max_bytes": str(agreed.EVIDENCE_BYTES),
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": str(protocol)},
            "abci": {"vote_extensions_enable_height": "0"},
        },
        "validators": [
            {
                "pub_key": {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(bytes.fromhex(key)).decode("ascii")},
                "power": str(agreed.POWER),
                "name": organisation,
            }
            for organisation, key in sorted(validators)
        ],
        "app_hash": "",
        "app_state": msgspec.to_builtins(state),
    }
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"


def decode_state(raw: bytes) -> AppState:
    """Read the `app_state` as the engine hands it on. Raises InvalidInput (`bad-start`)."""
    try:
        return msgspec.json.decode(raw, type=AppState)
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            f"the app_state in the engine's genesis cannot be read: {error}",
            code="bad-start",
            hint="Seal again with `muniment consortium seal`: it writes that file.",
        ) from None


def name_chain(ledger: str) -> str:
    """The name of a ledger's chain; CometBFT takes at most fifty characters."""
    return CHAIN_PREFIX + ledger[:CHAIN_DIGITS]
