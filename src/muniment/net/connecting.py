"""Connections to one server: TLS that is verified, the usual proxy variables, and one request with its answer.

It is imported at the first request: the HTTP client is not loaded where nothing is asked.
"""

from __future__ import annotations

import os
import re
import ssl
import time
from pathlib import Path
from urllib.request import getproxies_environment, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, ProxyError, SSLError

from muniment.errors import InvalidInput
from muniment.net import failures
from muniment.net.address import Address
from muniment.net.body import BadBody, read
from muniment.net.reply import Lost, Reply

MAX_ERROR_BYTES = 1 << 20
MAX_RETRY_AFTER_S = 3_600.0

_CONNECTIONS = 8
_length = re.compile(r"[0-9]{1,15}")
_type = re.compile(r"[a-z0-9.+/-]{1,100}")


class Connections:
    """Kept connections to one server, for any number of threads of one process. Times are in seconds."""

    def __init__(self, address: Address, ca: Path | None, connect: float, read: float, answer: float) -> None:
        self._address = address
        self._timeout = urllib3.Timeout(connect=connect, read=read)
        self._answer = answer
        self._manager = _open_manager(address, ca)

    def ask(self, method: str, url: str, body: bytes | None, headers: dict[str, str], limit: int) -> Reply:
        """One request and its whole answer, of at most `limit` bytes. Raises Lost."""
        deadline = time.monotonic() + self._answer
        try:
            response = self._manager.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            whole = False
            try:
                raw = b"" if method == "HEAD" else _read_body(response, limit, deadline)
                whole = True
            finally:
                if whole:
                    response.release_conn()
                else:
                    # What is left of it would be taken for the next answer.
                    response.close()
        except BadBody as error:
            raise Lost(failures.describe_bad(url, str(error)), passing="cut" in str(error)) from None
        except SSLError as error:
            raise Lost(failures.describe_untrusted(self._address.host, error), passing=False) from None
        except LocationValueError as error:
            raise Lost(failures.describe_bad(url, str(error)), passing=False) from None
        except (HTTPError, OSError) as error:
            untrusted = isinstance(error, ProxyError) and isinstance(error.original_error, ssl.SSLError)
            describe = failures.describe_untrusted if untrusted else failures.describe_lost
            raise Lost(describe(self._address.host, error), passing=not untrusted) from None
        return Reply(
            url=url,
            status=response.status,
            content_type=_read_type(response.headers.get("Content-Type", "")),
            location=response.headers.get("Location", ""),
            retry_after=_read_seconds(response.headers.get("Retry-After", "")),
            body=raw,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._manager.clear()


def _open_manager(address: Address, ca: Path | None) -> urllib3.PoolManager:
    context = _open_context(ca) if address.scheme == "https" else None
    proxy = _find_proxy(address)
    if proxy is None:
        return urllib3.PoolManager(maxsize=_CONNECTIONS, ssl_context=context)
    try:
        return urllib3.ProxyManager(proxy, maxsize=_CONNECTIONS, ssl_context=context)
    except (HTTPError, ValueError):
        raise InvalidInput(
            f"the proxy in {address.scheme.upper()}_PROXY is no address of a proxy",
            code="bad-proxy",
            hint="Write it like http://proxy.example.org:3128, or name the node's host in NO_PROXY.",
        ) from None


def _open_context(ca: Path | None) -> ssl.SSLContext:
    """Verifies certificates and host names. Without `ca`, against the system's authorities, or SSL_CERT_FILE and SSL_CERT_DIR."""
    try:
        return ssl.create_default_context(cafile=None if ca is None else os.fspath(ca))
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            f"the authority's certificate {ca} cannot be used: {error}", code="bad-ca", hint="Name a file in PEM form."
        ) from None


def _find_proxy(address: Address) -> str | None:
    """The proxy that the environment names for an address; this machine is reached without one."""
    proxies = getproxies_environment()
    if address.is_local or proxy_bypass(f"{address.host}:{address.port}"):
        return None
    return proxies.get(address.scheme) or proxies.get("all")


def _read_body(response: urllib3.BaseHTTPResponse, limit: int, deadline: float) -> bytes:
    announced = response.headers.get("Content-Length", "")
    length = int(announced) if _length.fullmatch(announced) else None
    # A page of a proxy, or a problem, may be longer than the answer that was hoped for.
    most = limit if response.status < 300 else MAX_ERROR_BYTES
    return read(response, most, response.headers.get("Content-Encoding", "").strip().lower(), length, deadline)


def _read_type(text: str) -> str:
    found = text.partition(";")[0].strip().lower()
    return found if _type.fullmatch(found) else ""


def _read_seconds(text: str) -> float | None:
    """`Retry-After` in seconds; a date, which needs both clocks right, counts as nothing said."""
    return min(float(text), MAX_RETRY_AFTER_S) if _length.fullmatch(text.strip()) else None
