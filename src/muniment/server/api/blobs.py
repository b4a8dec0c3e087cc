"""Evidence by its digest: blobs, lists of files, and what opens sealed fields."""

from __future__ import annotations

import asyncio

from litestar import Response, get, head, put
from litestar.openapi.datastructures import ResponseSpec

from muniment.core.format import digest as digests
from muniment.core.format.statement import Sealed
from muniment.core.proof.answer import Opened
from muniment.client import capturing
from muniment.errors import InvalidInput, NotFound, VerificationError
from muniment.ledger.blobs import Evidence
from muniment.server.api import answering
from muniment.server.api.answering import BYTES, Asked
from muniment.server.api.parameters import Commitment, Digest
from muniment.server.hosting import Hosted

STEP = 12
