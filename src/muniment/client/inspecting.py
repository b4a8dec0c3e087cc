"""fsck over everything of one ledger: its file, row by row, and the vault, the lists of files and the blobs beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from muniment.client import capturing
from muniment.client.home import Home
from muniment.core.proof.trust import Trust
from muniment.errors import MunimentError
from muniment.ledger.blobs import Blobs
from muniment.ledger.store.fsck import Beside, Report, fsck
from muniment.vault import Vault

Progress = Callable[[int, int], None]


def inspect(home: Home, trust: Trust, progress: Progress | None = None) -> Report:
    """Recompute everything and name what is wrong. Damage is a finding, never an error.

    Raises NotFound where there is no ledger, Unavailable where it cannot be opened.
    """
    beside: Beside = {
        "vault": Vault(home.vault).check,
        "blobs": lambda: _damaged(Blobs(home.blobs)),
        "manifests": lambda: _damaged(capturing.open_manifests(home.manifests)),
    }
    return fsck(home.store, trust, progress, beside=beside)


def _damaged(blobs: Blobs) -> Iterator[str]:
    """The names of those whose bytes are not what their name says, or cannot be read."""
    for name in blobs.digests():
        try:
            blobs.load(name)
        except MunimentError:
            yield name


__all__ = ["Report", "inspect"]
