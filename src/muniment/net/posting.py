"""One POST to an address that somebody else named: it may not lead back into the network that this server stands in.

    posted = post("https://example.com/hook", body, {"webhook-id": "..."})

The name is resolved once, the addresses are checked, and the connection goes to one that was checked: a name that answers
differently the next time gains nothing. Redirects are not followed, proxies not asked, and of the answer little is read.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

import msgspec

from muniment.errors import InvalidInput, Unavailable
from muniment.net.address import PORTS

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 20.0
EXCERPT_BYTES = 512
MAX_URL_CHARACTERS = 2_048
MAX_ADDRESSES = 3

Address = IPv4Address | IPv6Address

# Where clouds hand out credentials to whoever asks from inside; those of 169.254.0.0/16 are link-local and refused as such.
_METADATA = frozenset({ipaddress.ip_address("100.100.100.200"), ipaddress.ip_address("fd00:ec2::254")})
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: its status, the seconds after which it asks to be tried again, and the beginning of its body."""

    status: int
    retry_after: float | None = None
    excerpt: str = ""


def check_url(url: str, *, private: bool = False) -> SplitResult:
    """Check that a URL may be posted to. `private` allows http, and addresses inside. Raises InvalidInput (`bad-url`, `address`).

    A name is not resolved here; its addresses are checked whenever something is sent.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    host = parts.hostname or ""
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MAX_URL_CHARACTERS
    if not plain or parts.scheme not in PORTS or not host or "@" in parts.netloc or parts.fragment or port == 0:
        raise InvalidInput(
            f"{url[:100]!r} is no address that can be posted to",
            code="bad-url",
            hint="Write https://HOST/PATH in ASCII, without a name and password and without a fragment.",
        )
    if parts.scheme == "http" and not private:
        raise InvalidInput(
            f"{url[:100]} is not encrypted",
            code="bad-url",
            hint="Use https; `muniment serve --webhooks-private` allows http inside your own network.",
        )
    with suppress(ValueError):
        check_address(ipaddress.ip_address(host), private=private)
    return parts


def check_address(address: Address, *, private: bool = False) -> Address:
    """Check that an address may be connected to. Raises InvalidInput (`address`).

    Public ones may; with `private` also those inside and this machine's own. Link-local ones, those of clouds' metadata services,
    multicast and reserved ones never may.
    """
    for each in _unwrap(address):
        inside = private and (each.is_private or each.is_loopback)
        never = each.is_link_local or each.is_multicast or each.is_unspecified or each in _METADATA
        # IPv6 loopback is counted as reserved.
        if never or (each.is_reserved and not each.is_loopback) or not (each.is_global or inside):
            raise InvalidInput(
                f"{address} is no address outside of this network",
                code="address",
                hint="Use a public address; `muniment serve --webhooks-private` allows private ones, metadata services never.",
                details={"address": str(address)},
            )
    return address


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, private: bool = False, total_seconds: float = TOTAL_SECONDS
) -> Posted:
    """POST a body and take the answer's status, whatever it is.

    Raises InvalidInput as `check_url` and `check_address`, Unavailable (`unreachable`) where nobody answers in time.
    """
    parts = check_url(url, private=private)
    failure: OSError | None = None
    for address in _resolve(parts, private=private)[:MAX_ADDRESSES]:
        exchange = _Exchange(parts, address, total_seconds)
        try:
            exchange.connect()
        except OSError as error:
            failure = error
            continue
        return exchange.post(body, headers)
    raise _unreachable(parts, failure)


class _Exchange:
    """One connection to one checked address, ended when its time is over, however slowly the other side talks."""

    def __init__(self, parts: SplitResult, address: Address, total_seconds: float) -> None:
        self._parts = parts
        self._address = address
        self._total_seconds = total_seconds
        self._socket: socket.socket | None = None
        self._clock = threading.Timer(total_seconds, self._end)

    def connect(self) -> None:
        """Raises OSError."""
        self._clock.daemon = True
        self._clock.start()
        try:
            port = self._parts.port or PORTS[self._parts.scheme]
            plain = self._socket = socket.create_connection((str(self._address), port), timeout=CONNECT_SECONDS)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._parts.scheme == "https":
                self._socket = ssl.create_default_context().wrap_socket(plain, server_hostname=self._parts.hostname)
            self._socket.settimeout(self._total_seconds)
        except BaseException:
            self.close()
            raise

    def post(self, body: bytes, headers: Mapping[str, str]) -> Posted:
        """Raises Unavailable."""
        # Imported where something is sent: it costs 30 ms.
        from http.client import HTTPException

        from urllib3.connection import HTTPConnection
        from urllib3.exceptions import HTTPError

        connection = HTTPConnection(str(self._address), timeout=self._total_seconds)
        connection.sock = self._socket
        path = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        try:
            connection.request(
                "POST",
                path,
                body=body,
                headers={"Host": self._parts.netloc, "Connection": "close", **headers},
                preload_content=False,
                decode_content=False,
            )
            answer = connection.getresponse()
            excerpt = answer.read(EXCERPT_BYTES).decode("utf-8", "replace")
            return Posted(status=answer.status, retry_after=_seconds(answer.headers.get("retry-after")), excerpt=excerpt)
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            raise _unreachable(self._parts, error) from None
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._clock.cancel()
        if self._socket is not None:
            self._socket.close()

    def _end(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _resolve(parts: SplitResult, *, private: bool) -> list[Address]:
    """The addresses of a host that may be connected to; at least one. Raises InvalidInput (`address`), Unavailable."""
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _unreachable(parts, error) from None
    allowed: list[Address] = []
    refusal: InvalidInput | None = None
    for address in dict.fromkeys(ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found):
        try:
            allowed.append(check_address(address, private=private))
        except InvalidInput as error:
            refusal = error
    if not allowed and refusal is not None:
        raise refusal
    return allowed


def _unwrap(address: Address) -> list[Address]:
    """The address, and every IPv4 address that is written into it: a gateway would connect to that one."""
    found = [address]
    if isinstance(address, IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
            inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
        inside = [each for each in inner if each is not None]
        # What stands in it decides: the form around it is neither global nor private.
        return list(inside) if inside else found
    return found


def _seconds(text: str | None) -> float | None:
    """`Retry-After` in seconds; a date is not worth reading."""
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 8 else None


def _unreachable(parts: SplitResult, error: Exception | None) -> Unavailable:
    told = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unavailable(
        f"{parts.netloc} did not answer: {told}", code="unreachable", hint="Check the address, and that the receiver runs."
    )
