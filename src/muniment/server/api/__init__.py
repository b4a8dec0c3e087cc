"""The API under /v1: each module holds the routes of one kind of thing, and /v1/openapi.json describes them all."""

from types import MappingProxyType

from litestar import Router

from muniment.net.wire import Asking, Submission
from muniment.server.api import entries, reading, things
from muniment.server.api.blobs import ROUTES as BLOBS
from muniment.server.api.entries import ROUTES as ENTRIES
from muniment.server.api.events import ROUTES as EVENTS
from muniment.server.api.proofs import ROUTES as PROOFS
from muniment.server.api.questions import ROUTES as QUESTIONS
from muniment.server.api.questions import BundleAsking
from muniment.server.api.rules import ROUTES as RULES
from muniment.server.api.stored import ROUTES as STORED
from muniment.server.api.things import ROUTES as THINGS
from muniment.server.api.trust import ROUTES as TRUST
from muniment.server.api.views import ROUTES as VIEWS

HANDLERS = (*BLOBS, *ENTRIES, *EVENTS, *PROOFS, *QUESTIONS, *RULES, *STORED, *THINGS, *TRUST, *VIEWS)

ROUTES = (Router("/", route_handlers=list(HANDLERS), guards=[reading.check_query]),)

DOCUMENTED = (*entries.DOCUMENTED, *things.DOCUMENTED)
"""How routes are described that the framework could not describe by itself."""

BODIES = MappingProxyType(
    {
        ("/v1/answers", "post"): Asking,
        ("/v1/blobs/{digest}", "put"): bytes,
        ("/v1/bundles", "post"): BundleAsking,
        ("/v1/entries", "post"): Submission,
        ("/v1/judgements", "post"): Submission,
        ("/v1/manifests/{root}", "put"): bytes,
    }
)
"""What the bodies of requests are; they are decoded by hand."""
