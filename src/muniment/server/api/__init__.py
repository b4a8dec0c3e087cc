"""The API under /v1: each module holds the routes of one kind of thing (the house's plan of paths is docs/api.md)."""

from muniment.server.api.entries import ROUTES as ENTRIES
from muniment.server.api.views import ROUTES as VIEWS

ROUTES = (*ENTRIES, *VIEWS)
