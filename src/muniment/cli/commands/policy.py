"""`muniment policy`"""

from __future__ import annotations

import re
from pathlib import Path

import click
import msgspec

from muniment import exits
from muniment.cli import arguments, governing, output, session
from muniment.cli.groups import Group
from muniment.cli.manner import follow
from muniment.client import policy_file
from muniment.client.governed import Enacted
from muniment.client.ledger import Ledger
from muniment.client.opening import connect
from muniment.core.rules import policy as policies
from muniment.core.rules import policy_text
from muniment.core.rules.policy import Policy
from muniment.errors import InvalidInput

_digest = re.compile(r"[0-9a-f]{64}")

_file = click.argument("file", metavar="FILE")
_reason = click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")


@click.group(cls=Group)
def command() -> None:
    """Show, check, change and explain the rules in force.

    FILE is a policy file, or one of the ready policies solo, team and regulated. docs/policy.md says how to write one.
    """


@command.command("show", short_help="Show the policy in force, or a file.")
@click.argument("named", metavar="[FILE]", required=False)
@click.option("--toml", "as_toml", is_flag=True, help="As a policy file, with a comment for each part.")
@session.common
def show(named: str | None, as_toml: bool, home: Path | None, actor: str | None, as_json: bool) -> None:
    """Show the policy in force, since when it is, and what it says in plain words; or that of FILE.

    \b
    muniment policy show
    muniment policy show team --toml > policy.toml
    """
    settings = session.resolve(home, actor, as_json)
    quiet = settings.output == "json"
    if named is not None:
        file = policy_file.load(named)
        text = policy_file.read(named) if named in policy_file.READY else policy_text.format(file.policy, file.founder)
        _show(file.policy, text if as_toml else None, quiet, named=named, founder=file.founder)
        return
    with connect(settings) as ledger:
        enacted = ledger.policies.in_force()
        text = policy_text.format(enacted.policy)
        _show(enacted.policy, text if as_toml else None, quiet, enacted=enacted, ledger=ledger)


@command.command("check", short_help="Say what is wrong with a file, line by line.")
@_file
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def check(json_asked: bool, file: str, as_json: bool) -> int:
    """Say what is wrong with FILE, line by line, with the mend; else what it says, and what was perhaps not meant.

    Needs no ledger, and so knows of no members. Exit 2 where the file has a mistake.
    """
    quiet = as_json or bool(json_asked)
    try:
        read = policy_file.load(file)
    except InvalidInput as error:
        if quiet or error.code != "bad-policy-file":
            raise
        for line in governing.mistakes(file, error):
            output.note(line)
        return exits.USAGE
    doubts = list(policy_text.doubts(read.policy))
    value = {
        "file": file,
        "digest": policies.identify(read.policy),
        "founder": read.founder,
        "sentences": _tell(read.policy),
        "doubts": doubts,
    }
    lines = [
        f"{output.good('No mistakes')} in {file}. It says:",
        "",
        *governing.sentences(read.policy),
        *governing.doubts(doubts),
        "",
        f"Digest: {value['digest']}",
        f"Next: muniment init --policy {file}, or muniment policy diff {file} where a ledger lies here",
    ]
    output.result(value, quiet, lines)
    return exits.OK


@command.command("diff", short_help="Say what a file would change.")
@click.argument("files", metavar="[OLD] NEW", nargs=-1, required=True)
@session.common
def diff(files: tuple[str, ...], home: Path | None, actor: str | None, as_json: bool) -> None:
    """Say in words what NEW changes: what becomes stricter, and what looser. OLD is the policy in force unless it is given."""
    if len(files) > 2:
        raise click.UsageError("Give one policy file, which is compared with the policy in force, or two.")
    settings = session.resolve(home, actor, as_json)
    new = policy_file.load(files[-1]).policy
    active: int | None = None
    if len(files) == 2:
        old, before = policy_file.load(files[0]).policy, files[0]
    else:
        with connect(settings) as ledger:
            old, before, active = ledger.policies.in_force().policy, "the policy in force", ledger.policies.members()
    changes = policy_text.compare(old, new, active)
    value = {"old": policies.identify(old), "new": policies.identify(new), "changes": changes}
    lines = governing.changes(changes) if changes else [f"{files[-1]} says the same as {before}."]
    output.result(value, settings.output == "json", [f"From {before} to {files[-1]}:", *lines] if changes else lines)


@command.command("propose", short_help="Say who must approve a file, and who has.")
@_file
@session.with_ledger
def propose(ledger: Ledger, file: str, as_json: bool) -> None:
    """Say what FILE would change, its digest, who must approve it, who has done so, and what to run next. Records nothing."""
    policy = policy_file.load(file).policy
    proposal = ledger.policies.propose(policy)
    value = {**_plain(proposal), "sufficient": proposal.sufficient}
    output.result(value, as_json, governing.proposal(ledger, file, proposal))


@command.command("approve", short_help="Agree to a proposed policy.")
@click.argument("file", metavar="FILE|DIGEST")
@click.option("--expires-at", metavar="TIME", help="Until when it counts: a date or a time, UTC unless it says otherwise.")
@_reason
@session.writing
def approve(ledger: Ledger, file: str, expires_at: str | None, reason: str | None, as_json: bool) -> None:
    """Agree, as yourself, that the policy of FILE (or of this digest) takes the place of the one in force.

    With a file you see what you agree to; with a digest you have seen it elsewhere. `muniment approve --revoke` takes it back.
    """
    named = _digest.fullmatch(file) is not None
    policy = None if named else policy_file.load(file).policy
    digest = file if policy is None else policies.identify(policy)
    current = ledger.policies.in_force()
    changes = () if policy is None else policy_text.compare(current.policy, policy, ledger.policies.members())
    done = ledger.policies.approve(digest, reason=reason, expires_at=arguments.parse_time(expires_at))
    proposal = None if policy is None else ledger.policies.propose(policy)
    enough, given = proposal is not None and proposal.sufficient and not proposal.locked_out, "FILE" if named else file
    details = [f"digest  {digest}", *(line.strip() for line in governing.changes(changes))]
    output.recorded(
        done,
        as_json,
        title=f"The policy {output.short(digest)} is approved by {ledger.actor}",
        details=details,
        value={"policy": digest, "recorded": done},
        after=follow(enough, f"muniment policy amend {given}", f"muniment policy propose {given}"),
    )


@command.command("amend", short_help="Put an approved policy in force.")
@_file
@_reason
@session.writing
def amend(ledger: Ledger, file: str, reason: str | None, as_json: bool) -> None:
    """Put the policy of FILE in the place of the one in force, from the next block on. Approvals are found and cited.

    Exit 4 where the amendment rule of the policy in force asks for more of them.
    """
    policy = policy_file.load(file).policy
    before = ledger.policies.in_force()
    done = ledger.policies.amend(policy, reason=reason)
    digest = policies.identify(policy)
    output.recorded(
        done,
        as_json,
        title=f"The policy {output.short(digest)} is in force",
        details=[f"in the place of {output.short(before.digest)} (entry {before.index})"],
        value={"policy": digest, "replaces": before.digest, "recorded": done},
        after="muniment policy show",
    )


@command.command("history", short_help="List every policy there was.")
@session.with_ledger
def history(ledger: Ledger, as_json: bool) -> None:
    """List every policy that was ever in force: since which entry, brought by whom, approved by whom, what it changed."""
    enacted = ledger.policies.history()
    output.result({"policies": [_plain(each) for each in enacted]}, as_json, governing.history(enacted))


@command.command("explain", short_help="Say what a version still needs in an environment.")
@click.argument("place", metavar="ENVIRONMENT/VERSION")
@click.option("--deployer", metavar="ACTOR", help="Who would deploy it; default: you, where a role of yours may.")
@session.with_ledger
def explain(ledger: Ledger, place: str, deployer: str | None, as_json: bool) -> int:
    """Say which requirement of an environment a version meets, by which event, and what is missing; exit 4 where something is.

    \b
    muniment policy explain production/credit-risk@7
    """
    environment, slash, version = place.partition("/")
    if not slash or not environment or not version:
        raise click.UsageError(f"{place!r} names no version in an environment; write it like production/credit-risk@7.")
    found = ledger.policies.explain(environment, version, deployer=deployer)
    output.result({**_plain(found), "admitted": found.admitted}, as_json, governing.explanation(found))
    return exits.OK if found.admitted else exits.REFUSED


def _show(
    policy: Policy,
    text: str | None,
    as_json: bool,
    *,
    named: str = "",
    founder: tuple[str, ...] = (),
    enacted: Enacted | None = None,
    ledger: Ledger | None = None,
) -> None:
    active = None if ledger is None else ledger.policies.members()
    doubts = [*policy_text.doubts(policy, active), *(() if ledger is None else ledger.policies.vacancies(policy))]
    value: dict[str, object] = {
        **({"digest": policies.identify(policy), "policy": policy, "founder": founder} if enacted is None else _plain(enacted)),
        "sentences": _tell(policy, active or 0),
        "doubts": doubts,
        **({} if text is None else {"toml": text}),
    }
    if text is not None:
        output.result(value, as_json, [text.rstrip("\n")])
        return
    heading = [output.strong(f"The policy in {named}"), f"  digest  {value['digest']}"]
    lines = heading if enacted is None else governing.heading(enacted)
    output.result(value, as_json, [*lines, "", *governing.sentences(policy, active or 0), *governing.doubts(doubts)])


def _tell(policy: Policy, active: int = 0) -> list[str]:
    return [*policy_text.sentences(policy, active), *map(policy_text.describe_role, policy.roles)]


def _plain(value: object) -> dict[str, object]:
    plain = msgspec.to_builtins(value)
    assert isinstance(plain, dict)
    return plain
