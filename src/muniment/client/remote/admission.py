"""Asking a node for the admission of a key: a person's waits for an administrator, a job's is admitted by its provider's token."""

from __future__ import annotations

import msgspec

from muniment.client import identity
from muniment.client.home import Home
from muniment.client.key_request import Request, format
from muniment.client.remote import first_contact
from muniment.config import Config


class JobKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A key that was admitted for a job: whose it is, its public key in hex, and when it ends (our form of time)."""

    actor: str
    key: str
    expires_at: str


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    id: int


def hand_in(settings: Config, request: Request) -> int:
    """Leave a request at the node, where an administrator finds it; returns the number under which it waits.

    Raises LedgerError where this caller may not, or too many wait already; Unavailable.
    """
    ways = first_contact.open_ways(settings)
    try:
        return ways.ask(lambda way: way.ask("/v1/requests", {"request": format(request)}, _Waiting)).id
    finally:
        ways.close()


def admit_job(settings: Config, origin: str, actor: str) -> JobKey:
    """Make a key for this job and have it admitted: the settings' token is the one that the job's identity provider gave it.

    The same call again, with the same token, gives the same key. Raises LedgerError where the node does not take the token for this
    actor, PolicyViolation where the rules do not let its identity service admit it, Unavailable.
    """
    asked = identity.request(Home(settings.home), origin, actor, "service")
    ways = first_contact.open_ways(settings)
    try:
        wanted = {"actor": asked.actor, "key": asked.key, "proof": asked.proof}
        return ways.ask(lambda way: way.ask("/v1/identity", wanted, JobKey))
    finally:
        ways.close()
