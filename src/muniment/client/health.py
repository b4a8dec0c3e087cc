"""The health of this machine and this ledger, check by check, each with the command that mends it: `muniment doctor`.

Nothing is changed and nothing is proved here; `muniment fsck` and `muniment verify` look into the ledger itself.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import apsw
import msgspec

from muniment.client.home import Home
from muniment.client.standpoint import Standpoint
from muniment.client.writing import Writer
from muniment.config import Config
from muniment.core.format import time
from muniment.core.proof.evidence import SplitView
from muniment.core.rules.records import Key
from muniment.core.format import state_map
from muniment.errors import MunimentError, NotFound
from muniment.ledger import signers
from muniment.ledger.embedded import MAX_BACKWARD_US, MAX_FORWARD_US
from muniment.ledger.engine import View
from muniment.ledger.pins import Pins, fingerprint
from muniment.ledger.spool import Spool
from muniment.ledger.store import connection

Grade = Literal["ok", "warning", "problem"]

SAFE_SQLITE = (3, 51, 3)
"""Up to 3.51.2 two connections can corrupt a database in WAL mode."""

LOW_BYTES = 1 << 30
