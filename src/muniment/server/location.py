"""The address under which callers reach a served ledger, for what leaves the server: webhooks, badges."""

from __future__ import annotations

from muniment.server.hosting import Hosted
from muniment.server.settings import Settings


def locate(settings: Settings, hosted: Hosted, path: str) -> str:
    """The whole URL of a path below a ledger's base, such as `/entries/3`."""
    if settings.url:
        return f"{settings.url.rstrip('/')}{hosted.base}{path}"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.certificate else 'http'}://{host}:{settings.port}{hosted.base}{path}"
