"""CometBFT's `genesis.json`: the same for all nodes of a consortium, a function of what its members sealed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping

from muniment.node.engine import agreed

CHAIN_PREFIX = "muniment-"
CHAIN_DIGITS = 32


def format(*, ledger: str, time: str, protocol: int, validators: Iterable[tuple[str, str]], state: Mapping[str, str | int]) -> str:
    """The text of the file.

    ledger: the ledger's id, hex; time: of the first block, RFC 3339 in UTC; protocol: the number in force, which the application
    must give as its `app_version`; validators: organisation and Ed25519 key (64 hex digits) of each member; state: what the
    application is handed at the first start, the ledger's size and root among them.
    """
    # CometBFT writes 64-bit numbers as text, and reads nothing else.
    value = {
        "genesis_time": time,
        "chain_id": name_chain(ledger),
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
        "app_state": dict(state),
    }
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"


def name_chain(ledger: str) -> str:
    """The name of a ledger's chain; CometBFT takes at most fifty characters."""
    return CHAIN_PREFIX + ledger[:CHAIN_DIGITS]
