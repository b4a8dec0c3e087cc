"""`muniment init`"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from muniment.cli import output, session
from muniment.client import opening, policy_file
from muniment.client.home import Home
from muniment.config import FOLDER
from muniment.core.rules import policy as policies
from muniment.core.rules import policy_text
from muniment.core.rules.policy_text import File


@click.command()
@click.option("--origin", metavar="ORIGIN", help="The ledger's name for ever, <organisation-or-host>/<name>; default: a local one.")
@click.option(
    "--policy",
    metavar="FILE",
    default=policy_file.DEFAULT,
    show_default=True,
    help="The rules to begin with: solo, team, regulated, or a policy file (docs/policy.md).",
)
@session.common
def command(origin: str | None, policy: str, home: Path | None, actor: str | None, as_json: bool) -> None:
    """Make a new ledger here: three keys, a genesis and a trust file.

    The ledger's key signs checkpoints, the service's key signs what the machine itself records, and yours signs what you say.
    Without --actor you get a pseudonym, because what is written in a ledger stays.
    """
    settings = session.resolve(home, actor, as_json)
    # A ledger further up is not the one that is asked for here.
    here = settings.home if settings.explain("home").layer not in (None, "default") else Path.cwd() / FOLDER
    file = policy_file.load(policy)
    with opening.found(msgspec.structs.replace(settings, home=here), origin=origin, policy=policy) as ledger:
        place, me, fingerprint = Home(ledger.home), ledger.actor, ledger.fingerprint
        value = {
            "home": str(place.folder),
            "origin": ledger.origin,
            "ledger": ledger.id,
            "actor": me,
            "trust": str(place.trust),
            "fingerprint": fingerprint,
            "policy": policies.identify(file.policy),
            "roles": file.founder,
            "enrol": list(policy_text.needed_first(file.policy, file.founder)),
        }
    output.result(
        value,
        settings.output == "json",
        [
            f"{output.strong('A new ledger')}: {value['origin']}",
            f"  id           {output.short(str(value['ledger']))}  (the leaf of its genesis; every event signs it)",
            f"  fingerprint  {fingerprint}  (what others compare when they meet it)",
            f"  you          {me}, as {policy_text.join(file.founder)}  (your key: {place.actor_key(me)})",
            f"  policy       {policy} · {output.short(str(value['policy']))}  (muniment policy show)",
            f"  folder       {place.folder}",
            "",
            "You hold every key of this ledger. Others can check that nothing in it was changed since they last looked;",
            "that you did not rewrite it before they looked needs a copy of its checkpoint in other hands.",
            "",
            *_follow(file, ledger_origin=str(value["origin"])),
        ],
    )


def _follow(file: File, ledger_origin: str) -> Iterator[str]:
    """Who must be enrolled before anything can be deployed, how, and what to do first."""
    needed = list(policy_text.needed_first(file.policy, file.founder))
    if needed:
        yield "Before the first deployment these persons must be enrolled, besides you:"
        yield from (f"  {each}" for each in needed)
        yield f"Each of them runs: muniment keys request --origin {ledger_origin} --actor NAME"
        yield "and sends you the line that it prints. You run: muniment keys admit LINE --role ROLE"
        yield ""
    if file.policy.may(file.founder, "dataset.registered"):
        yield "Next: muniment dataset NAME PATH"
    else:
        yield "Next: muniment keys admit LINE --role ROLE"
