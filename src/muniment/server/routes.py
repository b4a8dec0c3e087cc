"""The routes of every part, in one tuple."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from muniment.server.access.routes import ROUTES as ACCESS
from muniment.server.api import ROUTES as API
from muniment.server.badges import ROUTES as BADGES
from muniment.server.explorer.actors import ROUTES as ACTORS
from muniment.server.explorer.approving import ROUTES as APPROVING
from muniment.server.explorer.assets import ROUTES as ASSETS
from muniment.server.explorer.blocks import ROUTES as BLOCKS
from muniment.server.explorer.consortium import ROUTES as CONSORTIUM
from muniment.server.explorer.entries import ROUTES as ENTRIES
from muniment.server.explorer.keyring import ROUTES as KEYRING
from muniment.server.explorer.overview import ROUTES as OVERVIEW
from muniment.server.explorer.policies import ROUTES as POLICIES
from muniment.server.explorer.searching import ROUTES as SEARCHING
from muniment.server.explorer.things import ROUTES as THINGS
from muniment.server.explorer.verifying import ROUTES as VERIFYING
from muniment.server.notes import ROUTES as NOTES
from muniment.server.openapi import ROUTES as OPENAPI
from muniment.server.stream import ROUTES as STREAM
from muniment.server.tiles import ROUTES as TILES
from muniment.server.webhooks.routes import ROUTES as WEBHOOKS

ROUTES: tuple[ControllerRouterHandler, ...] = (
    *API,
    *OPENAPI,
    *ACCESS,
    *STREAM,
    *BADGES,
    *NOTES,
    *ACTORS,
    *APPROVING,
    *ASSETS,
    *BLOCKS,
    *CONSORTIUM,
    *ENTRIES,
    *KEYRING,
    *OVERVIEW,
    *POLICIES,
    *SEARCHING,
    *VERIFYING,
    *THINGS,
    *TILES,
    *WEBHOOKS,
)
