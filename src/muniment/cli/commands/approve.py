"""`muniment approve`"""

from __future__ import annotations

from typing import Literal, get_args

import click

from muniment.cli import arguments, output, session
from muniment.client.drafting import Plain
from muniment.client.ledger import Ledger
from muniment.core.rules.events.approval import Meaning

_WORDS = {"approve": "approved", "conditional": "approved under conditions", "reject": "rejected"}
# What is missing of these is told by its number; of all others what was found says more.
_COUNTED = ("approvals", "separation", "evaluations")


def _check(
    version: str | None,
    environment: str | None,
    member: str | None,
    terms: str | None,
    protocol: int | None,
    revoke: str | None,
    reject: bool,
    conditional: bool,
    conditions: str | None,
) -> None:
    """Check that exactly one thing is decided about, in one way. Raises UsageError."""
    about = [each for each in (version, member, protocol, revoke) if each is not None]
    if len(about) != 1:
        raise click.UsageError("Name what is decided about: VERSION and ENVIRONMENT, --member, --protocol, or --revoke DECISION.")
    if version is not None and environment is None:
        raise click.UsageError(f"Say where {version} may run, such as `muniment approve {version} production`.")
    if version is None and environment is not None:
        raise click.UsageError("ENVIRONMENT belongs to VERSION.")
    if (member is None) != (terms is None):
        raise click.UsageError("--member and --terms belong together: who changes, and the digest of what changes.")
    if reject + conditional + (revoke is not None) > 1:
        raise click.UsageError("--reject, --conditional and --revoke are different decisions: give one.")
    if conditions and not conditional:
        raise click.UsageError("--conditions belong to --conditional.")


@click.command()
@click.argument("version", required=False)
@arguments.environment(required=False)
@click.option("--member", metavar="NAME", help="Decide about a member of the consortium instead of a version.")
@click.option("--terms", metavar="DIGEST", help="What is to change for that member: the digest of the change.")
@click.option("--protocol", type=click.IntRange(min=1), metavar="NUMBER", help="Decide about a protocol instead of a version.")
@click.option("--reject", is_flag=True, help="Say no: it is not deployed there until this decision is revoked.")
@click.option("--conditional", is_flag=True, help="Say yes under conditions; it does not count as an approval.")
@click.option(
    "--revoke", metavar="DECISION", help="Take a decision back: its entry, which `muniment show VERSION` names, or its id."
)
@click.option("--conditions", metavar="TEXT", help="The conditions, in words (sealed).")
@click.option("--meaning", type=click.Choice(get_args(Meaning)), default="approval", show_default=True, help="What you vouch for.")
@click.option("--expires-at", metavar="TIME", help="Until when it counts: a date or a time, UTC unless it says otherwise.")
@click.option("--reason", metavar="TEXT", help="Why, in words (sealed).")
@arguments.checked(_check)
@session.writing
def command(
    ledger: Ledger,
    version: str | None,
    environment: str | None,
    member: str | None,
    terms: str | None,
    protocol: int | None,
    reject: bool,
    conditional: bool,
    revoke: str | None,
    conditions: str | None,
    meaning: Meaning,
    expires_at: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Decide, as yourself, whether VERSION may run in ENVIRONMENT.

    \b
    muniment approve credit-risk@7 production --reason "second review"
    muniment approve credit-risk@7 production --reject --reason "drifts on new customers"
    muniment approve --revoke 41

    A bare model name means its newest version. A new policy is approved with `muniment policy approve`.
    """
    if revoke is not None:
        _revoke(ledger, revoke, reason, as_json)
        return
    decision: Literal["approve", "conditional", "reject"] = "reject" if reject else "conditional" if conditional else "approve"
    of, subject, place = _subject(ledger, version, environment, member, terms, protocol)
    done = ledger.decide(
        of, decision=decision, meaning=meaning, reason=reason, conditions=conditions, expires_at=arguments.parse_time(expires_at)
    )
    missing, after = _look_on(ledger, of) if decision == "approve" and version is not None else ([], "")
    output.recorded(
        done,
        as_json,
        title=f"{subject} is {_WORDS[decision]}{place} by {ledger.actor}",
        details=[f"still missing for {environment}: {each}" for each in missing],
        value={**of, "decision": decision, "missing": missing, "recorded": done},
        after=after,
    )


def _look_on(ledger: Ledger, of: dict[str, Plain]) -> tuple[list[str], str]:
    """What a deployment still lacks after an approval, whoever deploys; and which command comes next."""
    environment, version = str(of["environment"]), str(of["version"])
    explained = ledger.policies.explain(environment, version, anybody=True)
    against = [each for each in explained.findings if not each.holds]
    missing = [said for each in against for said in (each.missing if each.rule in _COUNTED else (each.found or each.required,))]
    if missing:
        return missing, f"muniment policy explain {environment}/{explained.title}"
    return [], f"muniment deploy {explained.title} --environment {environment}"


def _revoke(ledger: Ledger, decision: str, reason: str | None, as_json: bool) -> None:
    revoked = ledger.event_of(decision, "approval")
    done = ledger.revoke(revoked, reason=reason)
    output.recorded(
        done,
        as_json,
        title=f"The decision of entry {ledger.resolve(revoked).index} is taken back by {ledger.actor}",
        value={"decision": "revoke", "revokes": revoked, "recorded": done},
    )


def _subject(
    ledger: Ledger, version: str | None, environment: str | None, member: str | None, terms: str | None, protocol: int | None
) -> tuple[dict[str, Plain], str, str]:
    """What is decided about: as a field, as people call it, and where."""
    if member is not None:
        return {"member": member, "terms": terms}, f"The change of the member {member}", ""
    if protocol is not None:
        return {"protocol": protocol}, f"Protocol {protocol}", ""
    digest = ledger.digest_of(str(version), "version")
    return {"version": digest, "environment": environment}, ledger.describe(digest), f" for {environment}"
