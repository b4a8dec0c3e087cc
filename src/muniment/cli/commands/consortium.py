"""`muniment consortium`"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import click
import msgspec

from muniment.cli import founding, output, progress, session
from muniment.cli.groups import with_others
from muniment.client.opening import connect
from muniment.config import FOLDER, Config
from muniment.core.format import time
from muniment.ledger.embedded import system_clock
from muniment.node import files
from muniment.node import settings as node_settings
from muniment.node.founding import answer as answers
from muniment.node.founding import document, drafting, joining, moving, preparing, sealing
from muniment.node.founding.answer import Answer
from muniment.node.founding.joining import Asked

NOBODY = "none"

_path = click.Path(path_type=Path, dir_okay=False)
_ASIDE = MappingProxyType({"demo": "muniment.cli.consortium_demo.command"})


@click.group(cls=with_others(_ASIDE))
def command() -> None:
    """Found a ledger that several organisations run together: new, join, seal; or see how it works: demo.

    One of them drafts it, each makes its own keys at home and answers, and each seals the same file from all answers.
    docs/consortium.md tells it step by step.
    """


@command.command("new", short_help="Write the draft that every member answers.")
@click.option("--origin", metavar="ORIGIN", help="The ledger's name for ever, <organisation-or-host>/<name>.")
@click.option("--member", "members", multiple=True, required=True, metavar="NAME", help="An organisation; repeat for each.")
@click.option("--policy", metavar="FILE", help="The rules to begin with: team (default), regulated, solo, or a policy file.")
@click.option("--publisher", metavar="NAME", help="Who signs the log's own line: a member, or none. Default: the first one named.")
@click.option("--from", "source", metavar="HOME", type=click.Path(path_type=Path), help="Move in the solo ledger of this folder.")
@click.option(
    "--out", metavar="FILE", type=_path, default=Path("consortium-draft.json"), show_default=True, help="Where to write it."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def new(
    json_asked: bool,
    origin: str | None,
    members: tuple[str, ...],
    policy: str | None,
    publisher: str | None,
    source: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Write the draft of a consortium: its name, its members, its rules. It holds no key and no secret.

    \b
    muniment consortium new --origin example.com/credit --member lab --member bank --member clinic --member auditor

    Of a ready policy the amendment rule becomes: more than two thirds of the members. A policy file is taken as it is.
    """
    publishes = members[0] if publisher is None else None if publisher == NOBODY else publisher
    now = time.format(system_clock())
    if source is not None:
        if origin is not None or policy is not None:
            raise click.UsageError("A ledger that moves in brings its origin and its policy: leave --origin and --policy out.")
        draft = drafting.draft_moved(source, members, now, publishes)
    elif origin is None:
        raise click.UsageError("Name the ledger with --origin, such as example.com/credit, or move one in with --from HOME.")
    else:
        draft = drafting.draft_new(origin, members, now, policy or drafting.POLICY, publishes)
    files.write_new(out, document.encode(draft))
    value = {"draft": str(out), "digest": document.identify(draft), **founding.plain(draft)}
    output.result(value, as_json or bool(json_asked), founding.tell_draft(draft, str(out), new=True))


@command.command("show", short_help="Say what a draft, an answer or a sealed file holds.")
@click.argument("file", type=_path)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def show(json_asked: bool, file: Path, as_json: bool) -> None:
    """Say in words what FILE holds: a draft, a member's answer, or a sealed consortium. Signatures are verified."""
    value, lines = founding.describe(file)
    output.result(value, as_json or bool(json_asked), lines)


@command.command("join", short_help="Make your organisation's keys, and answer a draft.")
@click.argument("draft", type=_path)
@click.option("--organisation", required=True, metavar="NAME", help="Which member you are; the draft names it.")
@click.option("--person", metavar="ID", default="", help="Your first person; default: whose key lies here, or a pseudonym.")
@click.option("--url", metavar="URL", default="", help="Where the others reach your ledger over HTTP.")
@click.option("--p2p", metavar="HOST:PORT", default="", help="Where the others reach your engine.")
@click.option(
    "--listen", metavar="HOST:PORT", default="", help="Where you serve HTTP; default: 127.0.0.1:8760, for a proxy that speaks TLS."
)
@click.option("--p2p-listen", metavar="HOST:PORT", default="", help="Where your engine listens; default: the port of --p2p.")
@click.option("--rpc", metavar="HOST:PORT", default=node_settings.RPC, show_default=True, help="Where it listens for your node.")
@click.option("--out", metavar="FILE", type=_path, help="Where to write the answer; default: NAME.answer.json.")
@session.common
def join(
    draft: Path,
    organisation: str,
    person: str,
    url: str,
    p2p: str,
    listen: str,
    p2p_listen: str,
    rpc: str,
    out: Path | None,
    home: Path | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Make the keys of your organisation in your home, and write your answer to DRAFT: public keys, each of which signs it whole.

    No key leaves the home. DRAFT may also be the sealed file of a consortium that is to admit you. Joining again keeps the keys,
    and corrects an address.
    """
    settings = session.resolve(home, actor, as_json)
    place = _home(settings)
    invitation = joining.read_invitation(files.read(draft, joining.MAX_INVITATION_BYTES))
    listen = listen or founding.choose_listen(url)
    asked = Asked(person=person or settings.actor or "", url=url, p2p=p2p, listen=listen, p2p_listen=p2p_listen, rpc=rpc)
    answer = joining.join(place, invitation, organisation, asked)
    written = out or Path(f"{organisation}.answer.json")
    files.write(written, document.encode(answer))
    value = {"answer": str(written), "home": str(place), **founding.plain(answer.body)}
    output.result(value, settings.output == "json", founding.tell_answer(invitation, answer, str(written), place, listen))


@command.command("seal", short_help="Build your node's home from the draft and all answers.")
@click.argument("file", metavar="DRAFT|SEALED", type=_path)
@click.argument("answered", metavar="[ANSWER]...", nargs=-1, type=_path)
@click.option("--ledger", metavar="FILE", type=_path, help="The copy of the ledger that moves in, which you audit.")
@click.option("--copy", metavar="FILE", type=_path, default=Path("ledger-copy.db"), help="Its owner writes that copy here.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="Its owner enrols each member's first person with this role.")
@session.common
def seal(
    file: Path,
    answered: tuple[Path, ...],
    ledger: Path | None,
    copy: Path,
    roles: tuple[str, ...],
    home: Path | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Check the answers of all members and make your home into that of a node. Every member runs it, and gets the same bytes.

    \b
    muniment consortium seal consortium-draft.json bank.answer.json clinic.answer.json auditor.answer.json

    Your own answer is taken from your home. In place of draft and answers you can give the sealed file of another member
    (node/consortium.json in its home): everything in it is checked all the same. Then compare the fingerprint, aloud.

    Where a ledger moves in, its owner seals first, in its home: that writes all members into it, in its last block, and a copy for
    the others, who audit it (--ledger).
    """
    settings = session.resolve(home, actor, as_json)
    place = _home(settings)
    invitation = joining.read_invitation(files.read(file, joining.MAX_INVITATION_BYTES))
    if invitation.sealed is not None and answered:
        raise click.UsageError("A sealed file holds all answers: give it alone, or give the draft with the answers.")
    read = [answers.load(each) for each in answered]

    def write(listed: tuple[Answer, ...]) -> None:
        with connect(msgspec.structs.replace(settings, home=place, url=None)) as own:
            for done in moving.write_members(own, listed, roles):
                output.note(output.standing(done))

    with progress.counting("Checking", settings.output == "json") as counting:
        consortium = preparing.prepare(place, invitation, read, ledger, copy, write, counting)
    sealed = sealing.seal(place, consortium, system_clock)
    value = {
        "home": str(place),
        "organisation": sealed.organisation,
        "origin": consortium.origin,
        "ledger": consortium.ledger,
        "fingerprint": consortium.fingerprint,
        "chain": consortium.chain_id,
        "start": msgspec.to_builtins(consortium.start),
        "again": sealed.again,
    }
    output.result(value, settings.output == "json", founding.tell_sealed(sealed, place, copy if copy.exists() else None))


@command.command("meet", short_help="Write where a member is reached into your node's addresses.")
@click.argument("answered", metavar="ANSWER...", nargs=-1, required=True, type=_path)
@session.common
def meet(answered: tuple[Path, ...], home: Path | None, actor: str | None, as_json: bool) -> None:
    """Write where the member of each ANSWER is reached into your node.toml, such as of one that is to be admitted.

    Your engine lets nobody in whose id does not stand there. A node that runs looks there again by itself.
    """
    settings = session.resolve(home, actor, as_json)
    place = _home(settings)
    read = [answers.load(each) for each in answered]
    written = [each.organisation for each in read if sealing.meet(place, each)]
    lines = [f"{each} is known to this node now." for each in written] or ["All of them were known already."]
    output.result({"written": written}, settings.output == "json", lines)


def _home(settings: Config) -> Path:
    """The home of a node is the one that is named, or `.muniment` here: a ledger further up is another one."""
    return settings.home if settings.explain("home").layer not in (None, "default") else Path.cwd() / FOLDER
