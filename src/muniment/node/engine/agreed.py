"""What all nodes of a consortium must say alike to CometBFT, in one place.

Two nodes that differ here cannot talk to each other, or judge the same block differently. What may differ from node to node is in
`config_toml`.
"""

from __future__ import annotations

PACKET_BYTES = 65_536
"""The payload of a packet between two engines; a node with a smaller limit closes the connection."""

TRANSACTION_BYTES = 262_144
BLOCK_BYTES = 4 << 20
"""A block of transactions; larger ones take seconds to reach everybody."""

EVIDENCE_BYTES = 1 << 20
EVIDENCE_BLOCKS = 100_000
EVIDENCE_NS = 48 * 3_600 * 1_000_000_000
"""Evidence of signing twice counts until both this many blocks and this time are over."""

POWER = 1
"""Of every validator: one organisation, one vote."""
