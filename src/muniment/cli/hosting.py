"""Serving ledgers from the command line; apart from the command, because only a call of it needs all that a server is made of."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from muniment.cli import output
from muniment.server.access import links
from muniment.server.process import options, service
from muniment.server.process.greeting import Greeting
from muniment.server.settings import Settings


def resolve(typed: Mapping[str, object], home: Path, named: Sequence[str], file: Path | None, *, at_root: bool) -> Settings:
    """The settings of a call. `named` are `NAME=DIR`; `at_root`: serve the ledger in `home` beside them. Raises InvalidInput."""
    ledgers = [options.parse_ledger(each) for each in named]
    if at_root and ledgers:
        ledgers.insert(0, {"name": "", "home": str(home)})
    if at_root and not ledgers and file is not None:
        ledgers = [{"name": "", "home": str(home)}]
    return options.resolve({**typed, "ledgers": ledgers or None}, home, file)


def host(settings: Settings, as_json: bool) -> int:
    """Serve until a signal says to stop, and return the exit code."""
    return service.serve(settings, lambda greeting: _greet(settings, greeting, as_json))


def _greet(settings: Settings, greeting: Greeting, as_json: bool) -> None:
    """Say where it is, what it serves, who may read it, and how it ends."""
    served = []
    for each in greeting.ledgers:
        served += [
            "",
            f"  {output.strong(each.origin)}  {each.url}",
            f"    fingerprint  {each.fingerprint}",
            f"    folder       {each.home}",
        ]
    public = "Public: everybody may read checkpoint and tiles; the rest needs a token."
    private = "Private: nobody reads anything without a token."
    lines = [
        f"Muniment serves at {output.strong(greeting.url)}",
        *served,
        "",
        public if greeting.public else private,
        f"A token for a program: muniment tokens create --name CI --scope write --state {shlex.quote(str(settings.state))}",
    ]
    # What is not a person's terminal is kept as a log, and a log is no place for what lets somebody in.
    if sys.stdout.isatty() and not as_json:
        lines.append(f"Sign in yourself, within ten minutes: {links.make_link(settings, greeting.url)}")
    lines += ["", f"Stop: Ctrl-C, or kill {os.getpid()}. What was confirmed is safe."]
    if greeting.exposed:
        output.note("Warning: other machines can reach this address, and without TLS what they send can be read on the way.")
        output.note("  Give --tls-certificate and --tls-key, or let a proxy that speaks TLS stand before it.")
    output.result(greeting, as_json, lines)
    sys.stdout.flush()
