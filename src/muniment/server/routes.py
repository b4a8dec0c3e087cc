"""The routes of every part, in one tuple."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from muniment.server.api import ROUTES as API
from muniment.server.tiles import ROUTES as TILES

ROUTES: tuple[ControllerRouterHandler, ...] = (*API, *TILES)
