"""Where things have their pages: the path of a stream, an entry, a block, an actor; what no page shows has its entry's.

    link("/l/risk", "deployment/production/loans")      # "/l/risk/environments/production/loans"

`base` is the ledger's (`Hosted.base`): "" or "/l/NAME". Names may hold slashes and are quoted otherwise.
"""

from __future__ import annotations

from types import MappingProxyType
from urllib.parse import quote, urlencode

# What comes before the rest of a stream's name, where a thing has a page of its own.
_PAGES = MappingProxyType(
    {
        "actor": "/actors/",
        "acts": "/actors/",
        "attempts": "/actors/",
        "data": "/data/",
        "dataset": "/datasets/",
        "deployment": "/environments/",
        "incident": "/incidents/",
        "model": "/models/",
        "run": "/runs/",
        "version": "/versions/",
    }
)
# Streams that are named after the event that made them, which is shown as an entry.
_EVENTS = frozenset({"amendment", "approval", "evaluation", "plan", "waiver"})
_POLICY = frozenset({"policy", "protocol"})


def link(base: str, stream: str) -> str:
    """The page of the thing that a stream is about; the search for its name where it has none."""
    kind, _, rest = stream.partition("/")
    if kind in _PAGES:
        return f"{base}{_PAGES[kind]}{quote(rest)}"
    if kind in _EVENTS:
        return event(base, rest)
    if kind in _POLICY:
        return f"{base}/policy"
    if kind == "parameter":
        # parameter/<of>/<digest>: the setting is shown where its version or deployment is.
        return link(base, rest.rpartition("/")[0])
    return search(base, rest or stream)


def entry(base: str, index: int) -> str:
    """The page of an entry."""
    return f"{base}/entries/{index}"


def block(base: str, height: int) -> str:
    """The page of a block."""
    return f"{base}/blocks/{height}"


def actor(base: str, name: str) -> str:
    """The page of an actor."""
    return f"{base}/actors/{quote(name)}"


def event(base: str, event_id: str) -> str:
    """Leads to the entry of an event."""
    return f"{base}/events/{quote(event_id)}"


def version(base: str, model: str, ordinal: int) -> str:
    """The page of a version, by the name that people use."""
    return f"{base}/models/{quote(model)}/{ordinal}"


def search(base: str, text: str) -> str:
    """What the search says about a text."""
    return f"{base}/search?{urlencode({'q': text})}"


def answer(base: str, question: str, **asked: str | int) -> str:
    """Where the server hands out an answer with its proof: `answer(base, "prove", thing=12)`, `answer(base, "at", thing=…)`."""
    return f"{base}/v1/{question}?{urlencode(asked)}"
