"""The cookies of a browser that is signed in, or is about to be.

Over TLS their names begin with `__Host-`: then a browser takes them only from this host, for all its paths, and nobody at a
neighbouring name or over plain HTTP can put one in their place. All ledgers of a server share a session, which itself says for
which of them it is. On a laptop without TLS the name carries the port, because browsers do not tell ports apart.

The session is SameSite=Strict: no other site can send a request in somebody's name. The one for the way to a provider and back is
Lax, because the way back begins at the provider; it lives ten minutes and opens nothing.
"""

from __future__ import annotations

from muniment.server.location import is_secure
from muniment.server.settings import Settings

SIGN_IN_SECONDS = 600


def session_name(settings: Settings) -> str:
    """The name of the session's cookie."""
    return "__Host-muniment" if is_secure(settings) else f"muniment-{settings.port}"


def sign_in_name(settings: Settings) -> str:
    """The name of the cookie for the way to a provider and back."""
    return f"{session_name(settings)}-sign-in"


def format_session(settings: Settings, value: str) -> str:
    """`Set-Cookie` for a new session; without an age, so that it ends with the browser. An empty value takes it away."""
    age = "" if value else "; Max-Age=0"
    return f"{session_name(settings)}={value}; Path=/; HttpOnly; SameSite=Strict{_secure(settings)}{age}"


def format_sign_in(settings: Settings, value: str) -> str:
    """`Set-Cookie` for the way to a provider and back. An empty value takes it away."""
    age = SIGN_IN_SECONDS if value else 0
    return f"{sign_in_name(settings)}={value}; Path=/; HttpOnly; SameSite=Lax{_secure(settings)}; Max-Age={age}"


def _secure(settings: Settings) -> str:
    return "; Secure" if is_secure(settings) else ""
