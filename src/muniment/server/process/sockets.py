"""The listening socket and TLS."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
from pathlib import Path

from muniment.errors import InvalidInput, Unavailable

BACKLOG = 1_024
# TLS 1.2 with forward secrecy and authenticated encryption only; the suites of TLS 1.3 are all of that kind.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; port 0 lets the system choose. Raises Unavailable (`no-address`), InvalidInput."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise InvalidInput(
            f"{host!r} is no address of this machine: {error.strerror}", code="bad-host", hint="Name an address with --host."
        ) from None
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it: an answer leaves at once, and does not wait 40 ms for the peer's acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise Unavailable(
            f"cannot listen at {host} port {port}: {error.strerror}",
            code="no-address",
            hint="Stop what listens there, or choose another --port; 0 lets the system choose."
            if error.errno == errno.EADDRINUSE
            else "Choose an address of this machine with --host, and a --port above 1023.",
        ) from None
    return listening


def is_loopback(host: str) -> bool:
    """Does an address reach this machine only?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_tls(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """What a server needs for TLS 1.2 and 1.3. Raises InvalidInput (`bad-certificate`)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            f"the certificate {certificate} and its key cannot be used: {error.strerror or error}",
            code="bad-certificate",
            hint="Name a PEM file with the whole chain, and its key: --tls-certificate FILE --tls-key FILE.",
        ) from None
    return context
