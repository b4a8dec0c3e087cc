"""`muniment hand-off`"""

from __future__ import annotations

from pathlib import Path

import click

from muniment.cli import output, session
from muniment.cli.groups import Group
from muniment.client.ledger import Ledger
from muniment.client.proving import Openings
from muniment.core.rules.records import Actor

_package = click.option(
    "--package", type=click.Path(path_type=Path), metavar="DIR", help="The package that goes with it, as `hand-off MODEL` wrote it."
)
_reason = click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")


class _Group(Group):
    """`hand-off MODEL` is short for `hand-off package MODEL`."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            return "package", self.commands["package"], args
        return super().resolve_command(ctx, args)


@click.group(cls=_Group)
def command() -> None:
    """Hand a model over: write its package, offer it to another actor, accept what was offered.

    \b
    muniment hand-off credit-risk                                   # writes credit-risk-hand-off/
    muniment hand-off offer credit-risk --to bob --package credit-risk-hand-off
    muniment hand-off accept credit-risk --package credit-risk-hand-off        # by bob, who owns it from then on
    """


@command.command("package", short_help="Write the package of MODEL: the proofs, and one page for people.")
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The folder to make; default: MODEL-hand-off.")
@click.option("--disclose", is_flag=True, help="Open the sealed texts that the vault here holds.")
@click.option("--field", "fields", multiple=True, metavar="NAME", help="Open only sealed fields of this name, such as reason.")
@session.with_ledger
def package(ledger: Ledger, model: str, out: Path | None, disclose: bool, fields: tuple[str, ...], as_json: bool) -> None:
    """Write the package of MODEL: a bundle with the proofs, and one page for people.

    The page says what the model is, where it runs, who owns it, how to make it again, and what is open. Sealed texts stay sealed
    unless you open them.
    """
    openings: Openings = fields or disclose
    folder = out or Path(f"{model.replace('/', '-')}-hand-off")
    made = ledger.hand_off(model, folder, disclose=openings)
    lines = [
        output.strong(f"The package of {model} is in {made.folder}"),
        *(f"  {name}" for name in made.files),
        f"  digest {output.short(made.digest)}",
        *([f"  {len(made.open)} open:"] if made.open else ["  nothing is open"]),
        *(f"    {each.about}: {each.sentence}" for each in made.open),
        "",
        f"Next: muniment hand-off offer {model} --to ACTOR --package {made.folder}",
    ]
    value = {"model": model, "folder": str(made.folder), "digest": made.digest, "files": made.files, "open": made.open}
    output.result(value, as_json, lines)


@command.command("offer")
@click.argument("model")
@click.option("--to", required=True, metavar="ACTOR", help="Who is to own it.")
@_package
@_reason
@session.writing
def offer(ledger: Ledger, model: str, to: str, package: Path | None, reason: str | None, as_json: bool) -> None:
    """Offer MODEL, which you own, to another actor. It is yours until he accepts."""
    done = ledger.offer(model, to=to, package=package, reason=reason)
    output.recorded(
        done,
        as_json,
        title=f"{model} is offered to {to}",
        details=["it stays where it is until the offer is accepted", *_doubt(ledger, to)],
        value={"model": model, "to": to, "recorded": done},
        after=f"muniment hand-off accept {model} --actor {to}",
    )


def _doubt(ledger: Ledger, to: str) -> list[str]:
    """Whether the receiver may accept at all: the offer is recorded all the same, because roles can still be given."""
    state = ledger.state(f"actor/{to}", Actor)
    policy = ledger.policy()
    if state is None or policy.may(state.roles, "ownership.accepted"):
        return []
    able = " or ".join(policy.roles_that_may("ownership.accepted")) or "nobody"
    return [output.bad(f"{to} may not accept it yet: that is for {able}, and {to} holds {', '.join(state.roles) or 'no role'}")]


@command.command("accept", short_help="Accept MODEL, which was offered to you.")
@click.argument("model")
@_package
@_reason
@session.writing
def accept(ledger: Ledger, model: str, package: Path | None, reason: str | None, as_json: bool) -> None:
    """Accept MODEL, which was offered to you, and own it from now on. A package is compared with the one that was offered."""
    done = ledger.accept(model, package=package, reason=reason)
    output.recorded(
        done,
        as_json,
        title=f"{model} belongs to {ledger.actor} from now on",
        value={"model": model, "recorded": done},
        after=f"muniment show model/{model}",
    )
