"""Telling systemd how the server is (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET names, if any."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def tell(state: str) -> None:
    """Send a state such as `READY=1` or `STOPPING=1`; nothing happens where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        # An abstract socket: its name begins with a zero byte.
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
        sending.connect(address)
        sending.sendall(state.encode())
