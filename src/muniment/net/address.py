"""Where a node is: an address that was checked once, so that no token leaves by a way that others can read."""

from __future__ import annotations

import ipaddress
import re
from types import MappingProxyType
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from muniment.errors import InvalidInput

PORTS = MappingProxyType({"http": 80, "https": 443})
"""The schemes that are spoken here, and their usual ports."""

_host = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_path = re.compile(r"(?:/[A-Za-z0-9._~%-]{1,255})*")
_token = re.compile(r"[!-~]{1,4096}")
_LOCAL = "localhost"

Query = tuple[tuple[str, str], ...]
"""Names and values after the question mark, in order; a name may stand there several times."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A node: `base` is what goes before every path of it, "" or "/l/NAME"."""

    scheme: str
    host: str
    port: int
    base: str = ""

    @property
    def url(self) -> str:
        """The address in its one form, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = PORTS.get(self.scheme) == self.port
        return f"{self.scheme}://{host}{'' if usual else f':{self.port}'}{self.base}"

    @property
    def is_local(self) -> bool:
        """Does it lead to this machine, so that nobody on the way can read along?"""
        if self.host == _LOCAL or self.host.endswith(f".{_LOCAL}"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def locate(self, path: str, query: Query = ()) -> str:
        """The whole URL of a path that begins with a slash; the path is quoted already."""
        return f"{self.url}{path}{'?' + urlencode(query) if query else ''}"

    def is_same_server(self, url: str) -> bool:
        """Does a URL lead to the same scheme, host and port?"""
        try:
            other = urlsplit(url)
            port = other.port or PORTS.get(other.scheme)
        except ValueError:
            return False
        return (other.scheme, other.hostname, port) == (self.scheme, self.host, self.port)


def parse(text: str) -> Address:
    """Read the address of a node. Raises InvalidInput (`bad-url`)."""
    if not text.isprintable() or " " in text:
        # What `urlsplit` would silently leave out.
        raise _bad_url(text, "it holds a space or a sign that nobody sees")
    try:
        parts = urlsplit(text)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError as error:
        raise _bad_url(text, str(error)) from None
    host = parts.hostname or ""
    if port is None:
        raise _bad_url(text, "it does not begin with https:// or http://")
    if parts.username is not None or parts.password is not None:
        # Not shown: whoever wrote a password into an address would find it in a log.
        raise _bad_url(f"{parts.scheme}://…@{host}", "it holds a name or password")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise _bad_url(text, "it goes on after the path")
    base = parts.path.rstrip("/")
    segments = base.split("/")
    if _host.fullmatch(host) is None or _path.fullmatch(base) is None or "." in segments or ".." in segments:
        raise _bad_url(text, "its host or path is none")
    return Address(scheme=parts.scheme, host=host, port=port, base=base)


def check_token(token: str | None, address: Address) -> None:
    """Check that a token can be sent to a node. Raises InvalidInput (`bad-token`, `token-in-clear`)."""
    if token is None:
        return
    if _token.fullmatch(token) is None:
        raise InvalidInput(
            "the token for the node has spaces or signs that no token has",
            code="bad-token",
            hint="Set MUNIMENT_TOKEN to exactly what `muniment tokens create` printed.",
        )
    if address.scheme == "http" and not address.is_local:
        raise InvalidInput(
            f"the token would go to {address.host} without encryption",
            code="token-in-clear",
            hint="Use an https:// address, or unset MUNIMENT_TOKEN where the node asks for none.",
            details={"url": address.url},
        )


def segments(*texts: str) -> str:
    """Path segments, quoted; a slash within a text parts segments as well."""
    parts = [part for text in texts for part in text.split("/")]
    # What would be resolved as a step in the path on its way is written so that it is not.
    return "/".join(part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="@:+,=~") for part in parts)


def _bad_url(text: str, reason: str) -> InvalidInput:
    return InvalidInput(
        f"{text[:200]!r} is not the address of a node: {reason}",
        code="bad-url",
        hint="Write it like https://ledger.example.org, or https://ledger.example.org/l/NAME where it serves several.",
    )
