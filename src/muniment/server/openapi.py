"""The description of the API (OpenAPI 3.1), made from the routes and the structs that they take and give."""

from __future__ import annotations

from litestar.openapi.config import OpenAPIConfig

from muniment._version import __version__

CONFIG = OpenAPIConfig(title="Muniment", version=__version__)
