"""Questions whose answers are files that anybody can verify: by structs for programs, by names for people and curl."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from muniment.client import proving
from muniment.client.gating import entrance
from muniment.client.proving import Proved
from muniment.core.format.encoding import HexDigest
from muniment.core.proof.answer import Answer, StateQuestion
from muniment.core.proof.bundle import Bundle
from muniment.core.proof.inquiry.claim import Claim
from muniment.core.proof.inquiry.lineage import Direction
from muniment.core.rules.events.model import Target
from muniment.core.rules.records import Waiver
from muniment.net.wire import Asking, Disclose
from muniment.server.api import answering, reading
from muniment.server.api.answering import JSON, Asked
from muniment.server.api.parameters import MAX_THING, Environment, Thing
from muniment.server.hosting import Hosted
from muniment.server.settings import Settings

_asking = msgspec.json.Decoder(Asking)
