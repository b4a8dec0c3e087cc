"""`muniment member`"""

from __future__ import annotations

from pathlib import Path

import click

from muniment.cli import council, output, session
from muniment.cli.groups import Group
from muniment.cli.manner import Manner, asked
from muniment.client.council import Change
from muniment.client.ledger import Ledger

_path = click.Path(path_type=Path, dir_okay=False)
_answer = click.option("--answer", metavar="FILE", type=_path, help="The member's answer, which holds the keys.")


@click.group(cls=Group)
def command() -> None:
    """Who votes in a consortium: list, show, admit, remove, rotate, publish.

    A change follows the amendment rule of the policy in force. `--propose` says who must agree and who has; those agree with the
    same command and `--approve`; then the command alone records it. It acts after the block that it stands in.
    """


@command.command("list", short_help="Who votes now.")
@session.with_ledger
def list_members(ledger: Ledger, as_json: bool) -> None:
    """List the members in force: who votes, who publishes, who was caught signing twice, and who is enrolled of each."""
    found = ledger.members.in_force()
    output.result({"council": found}, as_json, council.tell(ledger, found))


@command.command("show", short_help="What the ledger knows of one member.")
@click.argument("organisation", metavar="NAME")
@session.with_ledger
def show(ledger: Ledger, organisation: str, as_json: bool) -> None:
    """Show a member, or a former one: its keys, since when, and its people."""
    seat = ledger.members.show(organisation)
    output.result(seat, as_json, council.tell_seat(seat))


@command.command("admit", short_help="Let an organisation in.")
@click.argument("answer", metavar="ANSWER", type=_path)
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="Enrol its first person before, with this role; repeatable.")
@asked
@session.writing
def admit(ledger: Ledger, answer: Path, roles: tuple[str, ...], manner: Manner, as_json: bool) -> None:
    """Let the organisation in that wrote ANSWER with `muniment consortium join`; all of its keys have signed that file.

    \b
    muniment member admit bank.answer.json --role member --role admin

    Its first person and its node are enrolled before, with --role. Whoever approves looks at who is enrolled of it: once it is a
    member, only they enrol anybody of it, and each of them speaks with its voice.
    """
    read = council.read_answer(ledger, answer)
    if roles and not manner.proposing and not manner.approving:
        council.enrol(ledger, read, roles)
    change = Change(member=read.organisation, change="admit", validator_key=read.body.validator, cosigner_key=read.body.cosigner)
    council.decide(ledger, change, manner, f"muniment member admit {answer}", as_json)


@command.command("remove", short_help="Let an organisation go.")
@click.argument("organisation", metavar="NAME")
@asked
@session.writing
def remove(ledger: Ledger, organisation: str, manner: Manner, as_json: bool) -> None:
    """Let a member go: it votes no more. What it signed keeps its standing, and its people stay enrolled."""
    change = Change(member=organisation, change="remove")
    council.decide(ledger, change, manner, f"muniment member remove {organisation}", as_json)


@command.command("rotate", short_help="Give a member other keys.")
@click.argument("organisation", metavar="NAME")
@click.option("--new", "uses", multiple=True, type=click.Choice(("validator", "cosigner")), help="Make this key here.")
@click.option("--validator-key", metavar="KEY", default="", help="The public key that votes from then on.")
@click.option("--cosigner-key", metavar="KEY", default="", help="The public key that cosigns checkpoints from then on.")
@_answer
@asked
@session.writing
def rotate(
    ledger: Ledger,
    organisation: str,
    uses: tuple[str, ...],
    validator_key: str,
    cosigner_key: str,
    answer: Path | None,
    manner: Manner,
    as_json: bool,
) -> None:
    """Give a member other keys. It makes them itself, at home, and the others agree to their public halves.

    \b
    muniment member rotate lab --new validator --propose --home HOME   on the machine of lab: makes the key, prints it
    muniment member rotate lab --validator-key KEY --approve           by those who agree
    muniment member rotate lab --validator-key KEY                     once enough have agreed

    The old key stays in use until the new one is in force; start the node anew then.
    """
    change = council.rotation(ledger, organisation, uses, validator_key, cosigner_key, answer)
    keys = " ".join(
        f"--{name}-key {key}" for name, key in (("validator", change.validator_key), ("cosigner", change.cosigner_key)) if key
    )
    council.decide(ledger, change, manner, f"muniment member rotate {organisation} {keys}", as_json)


@command.command("publish", short_help="Let a member sign the log's own line.")
@click.argument("organisation", metavar="NAME")
@click.option("--new", "make", is_flag=True, help="Make the key here, in the home of that member.")
@click.option("--publisher-key", metavar="KEY", default="", help="The public key that signs the line from then on.")
@_answer
@asked
@session.writing
def publish(
    ledger: Ledger,
    organisation: str,
    make: bool,
    publisher_key: str,
    answer: Path | None,
    manner: Manner,
    as_json: bool,
) -> None:
    """Let a member sign the log's own line on checkpoints, in place of whoever does now. Tools that know no members read it."""
    change = council.publication(ledger, organisation, make, publisher_key, answer)
    council.decide(
        ledger, change, manner, f"muniment member publish {organisation} --publisher-key {change.publisher_key}", as_json
    )
