"""A node's application put together: everything in its process but the way into it (application_process).

The engine's questions -> Application -> the ledger's file -> (committed) -> Cosigning, Pending
a caller -> HTTP -> ChainSubmitter -> the engine; then Pending, the quorum, the answer
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from litestar import Litestar
from litestar.types import ControllerRouterHandler

from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.reach import Here
from muniment.client.writing import Writer
from muniment.errors import MunimentError
from muniment.ledger import signers
from muniment.ledger.pins import Pins
from muniment.ledger.refusals import Refusals
from muniment.ledger.spool import Spool
from muniment.ledger.store.file import Store
from muniment.net import address
from muniment.node import pruning, settings
from muniment.node.abci.server import Server
from muniment.node.alarms import Alarms
from muniment.node.application import Application, Committed
from muniment.node.cosigning.cosigning import Cosigning
from muniment.node.engine_rpc import EngineRpc
from muniment.node.founding import answer as answers
from muniment.node.founding import files
from muniment.node.homes import Consortium, NodeHome, NodeSettings
from muniment.node.observing import Observer
from muniment.node.opened import Opened
from muniment.node.pending import Pending
from muniment.node.reading import Settled
from muniment.node.refusals import Attempts
from muniment.node.session import Session
from muniment.node.snapshots import Snapshots
from muniment.node.submitting import ChainSubmitter
from muniment.server.hosting import CACHE_KIB, Hosted, Hosting
from muniment.server.settings import Settings
from muniment.server.telemetry.consortium import Consortium as Figures
from muniment.server.telemetry.metrics import Metrics
