"""Changes of the members of a consortium, and of its protocol: asked for, agreed to, recorded, and told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from muniment.cli import arguments, founding, governing, output
from muniment.cli.manner import Manner, follow
from muniment.client.council import Change, Council, Motion, Seat
from muniment.client.ledger import Ledger
from muniment.core.rules import policy_text
from muniment.errors import InvalidInput
from muniment.node.founding import answer as answers
from muniment.node.founding import rotating, rules
from muniment.node.founding.answer import Answer
from muniment.node.founding.rotating import Rotated

_key = re.compile(r"[0-9a-f]{64}")


def read_answer(ledger: Ledger, path: Path, organisation: str | None = None) -> Answer:
    """A member's answer for this ledger, signed by all of its keys. Raises InvalidInput (`other-origin`, `other-member`, ...)."""
    answer = answers.verify_keys(answers.load(path))
    if answer.body.origin != ledger.origin:
        raise InvalidInput(
            f"{path} is an answer for {answer.body.origin}, and this ledger is {ledger.origin}",
            code="other-origin",
            hint="Ask the organisation to join with the draft or the sealed file of this ledger.",
        )
    if organisation is not None and answer.organisation != organisation:
        raise InvalidInput(f"{path} is of {answer.organisation}", code="other-member", hint="Give the file of the member you name.")
    return answer


def enrol(ledger: Ledger, answer: Answer, roles: tuple[str, ...]) -> None:
    """Enrol the first people of an organisation, and say so beside the result."""
    for done in ledger.members.enrol(answer.organisation, *answer.list_requests(), roles):
        output.note(f"Of {answer.organisation}: {output.standing(done)}")


def rotation(
    ledger: Ledger, organisation: str, uses: Sequence[str], validator_key: str, cosigner_key: str, answer: Path | None
) -> Change:
    """The change of a member's keys. Raises UsageError, and as `rotating.make_next` and `read_answer`."""
    given = [bool(uses), bool(validator_key or cosigner_key), answer is not None]
    if sum(given) != 1:
        raise click.UsageError("Say which keys: --new validator in the member's own home, --validator-key KEY elsewhere.")
    if answer is not None:
        body = read_answer(ledger, answer, organisation).body
        validator_key, cosigner_key = body.validator, body.cosigner
    if uses:
        wanted: list[Rotated] = [each for each in rotating.USES if each in uses]
        made = rotating.make_next(ledger.home, organisation, ledger.origin, wanted)
        validator_key, cosigner_key = made.get("validator", ""), made.get("cosigner", "")
    _check_keys(validator_key, cosigner_key)
    return Change(member=organisation, change="rotate", validator_key=validator_key, cosigner_key=cosigner_key)


def publication(ledger: Ledger, organisation: str, make: bool, publisher_key: str, answer: Path | None) -> Change:
    """The change of who publishes. Raises as `rotation`."""
    if sum((make, bool(publisher_key), answer is not None)) != 1:
        raise click.UsageError("Say which key: --new in that member's own home, --publisher-key KEY elsewhere, or --answer FILE.")
    if answer is not None:
        key = read_answer(ledger, answer, organisation).body.publisher
        if not isinstance(key, str):
            raise InvalidInput(
                f"{answer} gives no publisher's key",
                code="publisher-key",
                hint="Only who publishes by the draft gives one.",
            )
        publisher_key = key
    if make:
        publisher_key = rotating.make_next(ledger.home, organisation, ledger.origin, ("publisher",))["publisher"]
    _check_keys(publisher_key)
    return Change(member=organisation, change="publish", publisher_key=publisher_key)


def decide(ledger: Ledger, change: Change, manner: Manner, command: str, as_json: bool) -> None:
    """Say what a change still needs, agree to it, or record it. `command` is how others say the same change."""
    if manner.proposing:
        motion = ledger.members.propose(change)
        value = {**founding.plain(motion), "sufficient": motion.consent.sufficient}
        output.result(value, as_json, _tell_motion(ledger, motion, command))
        return
    if manner.approving:
        done = ledger.members.approve(change, reason=manner.reason, expires_at=arguments.parse_time(manner.expires_at))
        motion = ledger.members.propose(change)
        output.recorded(
            done,
            as_json,
            title=f"{ledger.actor} agrees: {describe(change)}",
            details=[f"terms  {motion.terms}"],
            value={"change": change, "terms": motion.terms, "recorded": done},
            after=follow(motion.consent.sufficient, command, f"{command} --propose"),
        )
        return
    done = ledger.members.record(change, reason=manner.reason)
    output.recorded(
        done,
        as_json,
        title=f"{describe(change)}: recorded",
        details=_keys(change),
        value={"change": change, "recorded": done},
        after=_follow(change),
    )


def describe(change: Change) -> str:
    """A change in a few words."""
    return {
        "admit": f"{change.member} becomes a member",
        "remove": f"{change.member} is no member any more",
        "rotate": f"{change.member} gets other keys",
        "publish": f"{change.member} publishes the log's line",
    }[change.change]


def tell(ledger: Ledger, council: Council | None) -> Iterator[str]:
    """Who votes now."""
    if council is None:
        yield f"{ledger.origin} has one operator, and no members."
        yield "It moves into a consortium with `muniment consortium new --from`."
        return
    yield f"{output.strong(ledger.origin)}: {rules.describe_strength(len(council.members))}"
    rows = [
        [
            seat.organisation + (" (publishes)" if seat.publishes else ""),
            output.short(seat.key),
            output.short(seat.cosigner),
            str(seat.index),
            str(seat.faults) if not seat.faults else output.bad(str(seat.faults)),
            ", ".join(seat.people) or output.bad("nobody: it cannot speak"),
        ]
        for seat in council.members
    ]
    yield from output.table(rows, ["member", "votes with", "cosigns with", "entry", "signed twice", "people"])


def tell_seat(seat: Seat) -> Iterator[str]:
    """What the ledger knows of one member."""
    yield f"{output.strong(seat.organisation)}: {seat.status}{', publishes the log' + chr(39) + 's line' if seat.publishes else ''}"
    yield f"  votes with    {seat.key}  (validator {seat.address})"
    yield f"  cosigns with  {seat.cosigner}"
    yield f"  last changed  {'the genesis' if not seat.index else f'entry {seat.index}'}"
    yield f"  signed twice  {seat.faults or 'never, as far as anybody has proved'}"
    yield f"  people        {', '.join(seat.people) or 'nobody is enrolled of it'}"


def _tell_motion(ledger: Ledger, motion: Motion, command: str) -> Iterator[str]:
    yield f"{output.strong('Proposed')}: {describe(motion.change)}"
    yield f"  terms  {motion.terms}"
    yield from (f"  {each}" for each in _keys(motion.change))
    yield ""
    yield from governing.tally(ledger, motion.consent, "member")
    if motion.change.change == "admit":
        # A number in the rule stays what it is when one more member comes.
        yield from governing.doubts(list(policy_text.doubt_quorum(ledger.policy(), ledger.policies.members() + 1)))
    yield ""
    writers = policy_text.join(ledger.policy().roles_that_may("member.changed"), "or") or "nobody"
    if not motion.consent.sufficient:
        yield f"Next, by those who agree: {command} --approve"
        yield f"  or, where they have no file: muniment approve --member {motion.change.member} --terms {motion.terms}"
    yield f"Then, by somebody with the role {writers}: {command}"


def _keys(change: Change) -> list[str]:
    listed = (("votes with", change.validator_key), ("cosigns with", change.cosigner_key), ("publishes with", change.publisher_key))
    return [f"{what}  {key}" for what, key in listed if key]


def _follow(change: Change) -> str:
    if change.change == "rotate":
        return "muniment node start, anew, in the home of that member"
    if change.change == "admit":
        return "muniment consortium meet ANSWER, in the home of every member"
    return "muniment member list"


def _check_keys(*keys: str) -> None:
    for each in keys:
        if each and _key.fullmatch(each) is None:
            raise click.UsageError(f"{each[:80]!r} is no public key: 64 lower hex digits.")
