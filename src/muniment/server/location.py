"""The address under which callers reach the server and its ledgers, for what leaves it: its greeting, links, webhooks, badges."""

from __future__ import annotations

from muniment.server.hosting import Hosted
from muniment.server.settings import Settings

_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})


def is_secure(settings: Settings) -> bool:
    """Do callers reach this server over TLS, its own or that of a proxy before it?"""
    return settings.certificate is not None or settings.url.startswith("https://")


def find_root(settings: Settings) -> str:
    """The address of the server, without a slash at its end. One that listens everywhere is shown by the name of this machine."""
    if settings.url:
        return settings.url.rstrip("/")
    host = "localhost" if settings.host in _EVERYWHERE else settings.host
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.certificate else 'http'}://{shown}:{settings.port}"


def locate(settings: Settings, hosted: Hosted, path: str) -> str:
    """The whole URL of a path below a ledger's base, such as `/entries/3`."""
    return f"{find_root(settings)}{hosted.base}{path}"
