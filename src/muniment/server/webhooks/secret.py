"""Secrets and signatures of webhooks (Standard Webhooks 1.0, symmetric): what a receiver verifies."""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32


def make_secret() -> str:
    """A new secret in the form in which it is handed over."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def sign(secrets: Sequence[str], message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt: the message's id, the time of the attempt in seconds, one signature for each secret."""
    signed = b"%b.%d.%b" % (message.encode(), timestamp, body)
    signatures = [
        base64.b64encode(hmac.digest(base64.b64decode(each.removeprefix(PREFIX)), signed, "sha256")).decode() for each in secrets
    ]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
