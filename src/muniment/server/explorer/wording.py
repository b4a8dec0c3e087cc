"""Small words that all pages share: numbers, sizes, times and grades as people read them."""

from __future__ import annotations

import re
from types import MappingProxyType

from markupsafe import Markup, escape

from muniment.core.format import digest as digests

# What stands behind a claim, from the weakest to the strongest; docs/events.md has the words, these say what they mean.
GRADES = MappingProxyType(
    {
        "declared": "on the signer's word",
        "imported": "taken over from another system",
        "observed": "recorded by the software while it happened",
        "attested": "vouched for by the machine or service that ran it",
        "countersigned": "confirmed by a second party",
        "reproduced": "done again, with the same outcome",
    }
)
CLOCKS = MappingProxyType({"sealed": "the ledger's clock", "said": "the signer's clock", "server": "this server's clock"})
_EVENT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOKEN_ID = re.compile(r"[0-9a-f]{12}")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_CODE = re.compile(r"`([^`]+)`")
_STEP = 1000
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def number(value: int) -> str:
    """1234567 as `1,234,567`."""
    return f"{value:,}"


def count(value: int, one: str, many: str | None = None) -> str:
    """`1 entry`, `1,200 entries`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def size(value: int) -> str:
    """A number of bytes as `1.2 MB`, in steps of a thousand."""
    amount, unit = float(value), _UNITS[0]
    for unit in _UNITS:
        if amount < _STEP:
            break
        if unit != _UNITS[-1]:
            amount /= _STEP
    return f"{value:,} {'byte' if value == 1 else 'bytes'}" if unit == _UNITS[0] else f"{amount:.1f} {unit}"


def moment(time: str) -> str:
    """A time of the ledger for people: `2026-03-04 12:00:05 UTC`."""
    return f"{time[:10]} {time[11:19]} UTC"


def day(time: str) -> str:
    """The day of a time: `2026-03-04`."""
    return time[:10]


def title(name: str, digest: str | None) -> str:
    """A name beside its digest: `credit-risk@7 · 9f86…0a08`."""
    return name if digest is None else f"{name} · {digests.short(digest)}"


def deed(name: str) -> str:
    """The name of an event in words: `dataset.registered` as `Data set registered`."""
    words = name.replace("dataset", "data set").replace(".", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def called(thing: str) -> str:
    """What people call the thing of an event, where it has no name but an id: `run 01a20835…e395`."""
    kind, _, rest = thing.partition("/")
    if _EVENT_ID.fullmatch(rest) is None:
        return thing
    return f"{kind} {rest[:8]}…{rest[-4:]}"


def visitor(id_: str) -> str:
    """How somebody signed in: with a token, by its id, with a link that works once, or as whom a provider says."""
    if id_ == "sign-in-link":
        return "signed in with a link"
    return f"signed in with the token {id_}" if _TOKEN_ID.fullmatch(id_) else f"signed in as {id_}"


def marked(text: str) -> Markup:
    """A sentence in which `words between backticks` are set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def is_digest(text: str) -> bool:
    """Is this a digest or a commit, and nothing that anybody reads?"""
    return _DIGEST.fullmatch(text) is not None


def groups(digest: str) -> tuple[str, ...]:
    """A digest in groups of eight, so that it can be compared by eye and broken between them."""
    return tuple(digest[at : at + 8] for at in range(0, len(digest), 8))
