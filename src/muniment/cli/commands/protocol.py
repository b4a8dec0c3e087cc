"""`muniment protocol`"""

from __future__ import annotations

from collections.abc import Iterator

import click

from muniment.cli import arguments, founding, governing, output, session
from muniment.cli.groups import Group
from muniment.cli.manner import Manner, asked, follow
from muniment.client.ledger import Ledger
from muniment.client.protocols import Upgrade
from muniment.core.format import entry
from muniment.core.rules import policy_text


@click.group(cls=Group)
def command() -> None:
    """By which rules all validators judge: show, upgrade."""


@command.command("show", short_help="Which protocol is in force.")
@session.with_ledger
def show(ledger: Ledger, as_json: bool) -> None:
    """Show the protocol in force, and those that this release speaks."""
    in_force, spoken = ledger.protocols.in_force(), sorted(entry.PROTOCOLS)
    lines = [
        f"{output.strong(f'Protocol {in_force}')} is in force in {ledger.origin}.",
        f"This release speaks {', '.join(map(str, spoken))}.",
    ]
    output.result({"protocol": in_force, "spoken": spoken}, as_json, lines)


@command.command("upgrade", short_help="Take the next protocol.")
@click.argument("number", type=click.IntRange(min=2))
@asked
@session.writing
def upgrade(ledger: Ledger, number: int, manner: Manner, as_json: bool) -> None:
    """Take protocol NUMBER, the one after the one in force; it acts from the next block on. A node that does not speak it stops.

    So this release proposes only what it speaks itself. Install one that does on every node before.
    """
    if manner.proposing:
        found = ledger.protocols.propose(number)
        value = {**founding.plain(found), "sufficient": found.consent.sufficient}
        output.result(value, as_json, _tell(ledger, found))
        return
    if manner.approving:
        done = ledger.protocols.approve(number, reason=manner.reason, expires_at=arguments.parse_time(manner.expires_at))
        enough, change = ledger.protocols.propose(number).consent.sufficient, f"muniment protocol upgrade {number}"
        title, after = f"{ledger.actor} agrees to protocol {number}", follow(enough, change, f"{change} --propose")
    else:
        done = ledger.protocols.upgrade(number, reason=manner.reason)
        title, after = f"Protocol {number} acts from the next block on", "muniment protocol show"
    output.recorded(done, as_json, title=title, value={"protocol": number, "recorded": done}, after=after)


def _tell(ledger: Ledger, found: Upgrade) -> Iterator[str]:
    yield f"{output.strong('Proposed')}: protocol {found.protocol} in the place of {found.in_force}"
    yield ""
    yield from governing.tally(ledger, found.consent, "protocol")
    yield ""
    writers = policy_text.join(ledger.policy().roles_that_may("protocol.upgraded"), "or") or "nobody"
    command = f"muniment protocol upgrade {found.protocol}"
    if not found.consent.sufficient:
        yield f"Next, by those who agree: {command} --approve"
    yield f"Then, by somebody with the role {writers}: {command}"
