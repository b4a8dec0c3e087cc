"""The one release of CometBFT that this software runs, and by what its source is recognised.

All nodes of a consortium run this release: two releases may judge a block differently.
"""

from __future__ import annotations

from collections.abc import Mapping

PROGRAM = "cometbft"
MODULE = "github.com/cometbft/cometbft"
PACKAGE = f"{MODULE}/cmd/cometbft"
VERSION = "v0.38.25"
CHECKSUM = "h1:jtGSyssudmkjED2fk9wFGfd/fNyPKvLIinW62ELxZH4="
"""Of the source, as the checksum database of Go knows it (golang.org/ref/mod, dirhash `h1`)."""

OLDEST_GO = (1, 22, 11)
"""The oldest Go that its go.mod takes."""


def clear(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment as the program gets it: without what starts with CMT, which would be settings, stronger than its file."""
    return {key: value for key, value in environment.items() if not key.startswith("CMT")}
