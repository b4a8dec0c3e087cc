"""`muniment change`"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import get_args

import click

from muniment.cli import arguments, output, session
from muniment.client import drafting
from muniment.client.drafting import Plain
from muniment.client.ledger import Ledger
from muniment.core.rules.events.model import Target
from muniment.core.rules.events.value import SealedText

_option = re.compile(r"--?[A-Za-z][A-Za-z-]*(?:=.*)?", re.DOTALL)


def _check(thing: str, path: str, value: str | None, unset: bool) -> None:
    """Check that there is a value, or --unset; a mistyped option is no value. Raises UsageError."""
    for given in thing, path, value or "":
        if _option.fullmatch(given):
            raise click.UsageError(f"No such option: {given.partition('=')[0]}.")
    if (value is None) != unset:
        raise click.UsageError("Give the new VALUE, or --unset where there is to be none: one of them.")


# A negative number looks like an option; what looks like one and is none is refused by `_check`.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("thing", metavar="VERSION|ENV/NAME")
@click.argument("path", metavar="PARAMETER")
@click.argument("value", required=False)
@click.option("--target", type=click.Choice(get_args(Target)), required=True, help="What kind of setting it is.")
@click.option("--unset", is_flag=True, help="It has no value from now on.")
@click.option("--unit", metavar="NAME", help="The unit of the value, such as ms.")
@click.option("--ticket", metavar="ID", help="The change request, by its id in another system.")
@click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
@arguments.checked(_check)
@session.writing
def command(
    ledger: Ledger,
    thing: str,
    path: str,
    value: str | None,
    target: Target,
    unset: bool,
    unit: str | None,
    ticket: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Record that PARAMETER of a version or a deployment has another VALUE.

    \b
    muniment change production/credit-risk decision.cutoff 0.62 --target threshold --ticket RISK-118
    muniment change credit-risk@7 system-prompt "$(cat prompt.txt)" --target prompt
    muniment change credit-risk@7 decision.cutoff --unset --target threshold

    The value before is found and recorded with it. A text that is neither a name nor a number is sealed.
    """
    given = None if value is None else arguments.parse_scalar(value)
    fields = ledger.draft_change(thing, path, given, target=target, unit=unit, ticket=ticket, reason=reason)
    done = ledger.record("parameter.changed", fields)
    stream, old, new = _stream_of(fields["of"]), _show(fields["old"]), _show(fields["new"])
    named = ledger.name_of(stream)
    output.recorded(
        done,
        as_json,
        title=f"{path} of {named} {'is no longer set' if new is None else 'has changed'} ({target})",
        details=[f"before  {_say(old)}", f"now     {_say(new)}"],
        value={"of": stream, "target": target, "path": path, "old": old, "new": new, "recorded": done},
        after=shlex.join(["muniment", "blame", named, path, "--target", target]),
    )


def _stream_of(owner: Plain) -> str:
    assert isinstance(owner, Mapping)
    return f"version/{owner['version']}" if "version" in owner else f"deployment/{owner['environment']}/{owner['name']}"


def _show(value: Plain) -> Plain:
    """A value as the record shows it: of a sealed text the digest alone."""
    if isinstance(value, SealedText):
        return {"digest": value.digest}
    if isinstance(value, str) and not drafting.is_clear(value):
        return {"digest": drafting.digest_of(value)}
    return value


def _say(value: Plain) -> str:
    """A value that is shown, in words."""
    match value:
        case None:
            return "not set"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return f"a sealed text, SHA-256 {output.short(str(value['digest']))}"
    return str(value)
