"""Where the things of a node lie, in the folder `node` of its ledger's home. Imports nothing: a supervisor stays small.

HOME/node/consortium.json       what all members sealed, the same bytes for all
HOME/node/answer.json           what this organisation answered to the draft, before it was sealed
HOME/node/node.toml             addresses, edited by people (node.settings)
HOME/node/cosigner.key          what this member cosigns checkpoints with
HOME/node/publisher.key         the log's own key, where this member publishes
HOME/node/engine/               the home of CometBFT: config/ and data/
HOME/node/statesync.json        from which block a node begins that lacks them all (light.arrival)
HOME/node/status.json           what the node says about itself
"""

from __future__ import annotations

from pathlib import Path

FOLDER = "node"


class NodePlaces:
    """The paths of one node. `home` is the ledger's folder."""

    __slots__ = ("home",)

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def folder(self) -> Path:
        """Everything that belongs to the node and not to the ledger."""
        return self.home / FOLDER

    @property
    def ledger(self) -> Path:
        """The ledger's one file."""
        return self.home / "ledger.db"

    @property
    def consortium(self) -> Path:
        """What all members sealed."""
        return self.folder / "consortium.json"

    @property
    def answer(self) -> Path:
        """What this organisation answered to the draft."""
        return self.folder / "answer.json"

    @property
    def settings(self) -> Path:
        """Addresses, as people edit them."""
        return self.folder / "node.toml"

    @property
    def cosigner_key(self) -> Path:
        """The key that cosigns checkpoints."""
        return self.folder / "cosigner.key"

    @property
    def publisher_key(self) -> Path:
        """The log's own key; only at the member who publishes."""
        return self.folder / "publisher.key"

    @property
    def engine(self) -> Path:
        """The home of CometBFT."""
        return self.folder / "engine"

    @property
    def engine_config(self) -> Path:
        """CometBFT's settings."""
        return self.engine / "config" / "config.toml"

    @property
    def engine_genesis(self) -> Path:
        """CometBFT's genesis."""
        return self.engine / "config" / "genesis.json"

    @property
    def engine_node_key(self) -> Path:
        """What CometBFT is known by among its peers."""
        return self.engine / "config" / "node_key.json"

    @property
    def validator_key(self) -> Path:
        """The key that votes."""
        return self.engine / "config" / "priv_validator_key.json"

    @property
    def validator_state(self) -> Path:
        """What the validator signed last. It is never deleted, and never restored from a copy: that would be signing twice."""
        return self.engine / "data" / "priv_validator_state.json"

    @property
    def next_validator_key(self) -> Path:
        """The key that is to vote in place of the other, while the ledger is being told."""
        return self.folder / "next" / "priv_validator_key.json"

    @property
    def next_cosigner_key(self) -> Path:
        """The key that is to cosign in place of the other. Both sign until the change is in force: each for its own blocks."""
        return self.folder / "next" / "cosigner.key"

    @property
    def next_publisher_key(self) -> Path:
        """The key that is to sign the log's own line from here."""
        return self.folder / "next" / "publisher.key"

    @property
    def socket(self) -> Path:
        """Where the application listens for CometBFT, unless the path is too long for a socket."""
        return self.folder / "abci.sock"

    @property
    def state_sync(self) -> Path:
        """From which block a node begins that lacks them all."""
        return self.folder / "statesync.json"

    @property
    def status(self) -> Path:
        """What the node says about itself."""
        return self.folder / "status.json"
