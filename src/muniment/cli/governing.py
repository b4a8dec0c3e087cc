"""Policies told in the terminal: what they say, what changes, what a proposal and a deployment still lack."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from muniment.cli import output, telling
from muniment.client.consent import Consent
from muniment.client.governed import Enacted, Explanation, Proposal
from muniment.client.ledger import Ledger
from muniment.core.rules import policy_text
from muniment.core.rules.policy import Policy
from muniment.core.rules.policy_text import Change
from muniment.core.rules.requirements import Finding
from muniment.errors import InvalidInput


def sentences(policy: Policy, active: int = 0) -> Iterator[str]:
    """What a policy says to so many members, each sentence from the beginning of a line; then the roles."""
    for sentence in policy_text.sentences(policy, active):
        yield from _fold(sentence)
    yield ""
    yield output.strong("Roles")
    for role in policy.roles:
        yield from _fold(policy_text.describe_role(role))


def doubts(found: Sequence[str]) -> Iterator[str]:
    """What was perhaps not meant, below a heading; nothing where there is none."""
    if not found:
        return
    yield ""
    yield output.strong("To consider")
    for doubt in found:
        yield from _fold(doubt)


def mistakes(file: str, error: InvalidInput) -> Iterator[str]:
    """Every mistake of a policy file, each with its line and its mend."""
    given = error.details.get("mistakes")
    listed = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    listed = listed or [{"line": "1", "what": str(error), "mend": error.hint}]
    noun = "mistake" if len(listed) == 1 else "mistakes"
    yield f"{output.bad(f'{len(listed)} {noun}')} in {file}:"
    for each in listed:
        yield f"  line {each['line']}: {each['what']}"
        yield f"    {each['mend']}"


def heading(enacted: Enacted) -> Iterator[str]:
    """Which policy is in force, since when, and by whom."""
    yield f"{output.strong('The policy in force')} · {output.short(enacted.digest)}"
    yield f"  since     entry {enacted.index}, block {enacted.height}, {output.when(enacted.time)} (the ledger's clock)"
    yield f"  digest    {enacted.digest}"
    yield f"  from      {_origin(enacted)}"


def changes(found: Iterable[Change]) -> list[str]:
    """What changes, one line each, with what it does in front."""
    signs = {"stricter": output.good("stricter "), "looser": output.bad("looser   "), "different": "different"}
    lines: list[str] = []
    for change in found:
        first, *rest = _fold(change.sentence, 2 + len("different") + 2)
        lines += [f"  {signs[change.effect]}  {first.strip()}", *rest]
    return lines


def proposal(ledger: Ledger, file: str, found: Proposal) -> Iterator[str]:
    """What a policy would change, who must agree, who has, and the next command."""
    if found.in_force:
        yield f"{file} says what is in force already ({output.short(found.digest)}): there is nothing to change."
        return
    yield f"{output.strong('Proposed')}: {file} · {output.short(found.digest)}"
    yield f"  digest  {found.digest}"
    yield ""
    yield "It changes:"
    yield from changes(found.changes)
    stranded = [f"{each} holds a role that it does not have." for each in found.stranded]
    yield from doubts([*found.doubts, *found.vacancies, *stranded])
    yield ""
    yield from tally(ledger, found)
    yield ""
    if found.locked_out:
        yield output.bad("It cannot be amended like this: nobody who is enrolled could enrol anybody any more.")
        yield "  Keep a role that somebody holds now and let it write actor.enrolled; leave it out later."
        return
    writers = " or ".join(ledger.policy().roles_that_may("policy.amended")) or "nobody"
    if found.sufficient:
        yield f"Next, by somebody with the role {writers}: muniment policy amend {file}"
        return
    yield f"Next, by those who approve it: muniment policy approve {file}"
    yield f"  or, where they have no file: muniment policy approve {found.digest}"
    yield f"Then, by somebody with the role {writers}: muniment policy amend {file}"


def history(enacted: Sequence[Enacted]) -> Iterator[str]:
    """Every policy, the first one first, with what it changed."""
    before: Policy | None = None
    for number, each in enumerate(enacted, 1):
        now = ", in force" if number == len(enacted) else ""
        yield f"{output.strong(f'{number}. {output.short(each.digest)}')}{now}"
        yield f"  since     entry {each.index}, block {each.height}, {output.when(each.time)} (the ledger's clock)"
        yield f"  from      {_origin(each)}"
        yield from changes(policy_text.compare(before, each.policy)) if before is not None else ()
        before = each.policy


def explanation(found: Explanation) -> Iterator[str]:
    """Requirement by requirement: met by what, or what is missing and the command that mends it."""
    missing = sum(not each.holds for each in found.findings)
    verb = "is" if missing == 1 else "are"
    said = f"{missing} of {len(found.findings)} requirements {verb} not met" if missing else "nothing is missing"
    yield output.strong(f"{found.title} in {found.environment}: {said}")
    policy = f"{output.short(found.policy)} (entry {found.since})"
    yield f"  Judged as if {found.deployer or 'somebody'} deployed it now, by the policy {policy}."
    if found.deployer is None:
        yield "  Who deploys is left open; name somebody with --deployer where approvals must come from others."
    yield ""
    for finding in found.findings:
        yield from _finding(finding, found)


def _finding(finding: Finding, found: Explanation) -> Iterator[str]:
    mark = output.good("met    ") if finding.met else output.good("waived ") if finding.waived else output.bad("missing")
    first, *rest = _fold(finding.required, 11)
    yield f"  {mark}  {first.strip()}"
    yield from rest
    by = [f"entry {found.entries[each]}" for each in finding.by if each in found.entries]
    if finding.waived:
        yield f"           by the waiver in entry {found.entries[f'waiver/{finding.waived}']}"
    if finding.found:
        yield from _fold(finding.found, 11)
    elif by:
        yield f"           {', '.join(by)}"
    if finding.holds:
        return
    if missing := output.lacking(finding.missing):
        yield from _fold(f"Missing: {', '.join(missing)}.", 11)
    if finding.mend:
        yield from _fold(finding.mend, 11)


def tally(ledger: Ledger, found: Proposal | Consent, what: str = "policy") -> Iterator[str]:
    """Whose voices the amendment rule counts, and whose it still asks for."""
    if not found.tallies:
        yield f"The policy in force asks for no approval of a new {what}."
    council = ledger.members.in_force() if any(each.missing for each in found.tallies) else None
    for each in found.tallies:
        voices = each.organisations or each.persons
        given = f": {', '.join(voices)}" if voices else ""
        lacking = f"; {output.bad(f'{each.missing} missing')}" if each.missing else f"; {output.good('enough')}"
        of = f"{each.count} (more than two thirds of {each.quorum_of})" if each.quorum_of else f"{each.count}"
        yield f"Approved by {each.count - each.missing} of {of} as {each.role}{given}{lacking}"
        if each.missing:
            able = [person for person in ledger.policies.holders(each.role) if person not in each.persons]
            if council is not None:
                # Each member has one voice: who speaks for nobody, or for one that has spoken, adds none.
                silent = [seat for seat in council.members if seat.organisation not in each.organisations]
                able = [person for person in able if any(person in seat.people for seat in silent)]
            enrol = f"nobody yet; enrol somebody: muniment keys admit LINE --role {each.role}"
            yield f"  who may: {', '.join(able) or enrol}"
    for said in found.silent:
        yield f"  does not count: {said}"


def _origin(enacted: Enacted) -> str:
    if not enacted.index:
        return "the genesis of this ledger"
    given = [f"{' and '.join(each.persons)} (entry {each.index})" for each in enacted.approvals]
    return f"{enacted.actor}, approved by {policy_text.join(given) or 'nobody else'}"


def _fold(sentence: str, indent: int = 0) -> list[str]:
    """A sentence in lines as long as the terminal is wide, the later ones two further in; elsewhere it is one line."""
    if not sys.stdout.isatty():
        return [" " * indent + sentence]
    width = max(telling.MIN_WIDTH, min(telling.MAX_WIDTH, shutil.get_terminal_size().columns))
    return textwrap.wrap(
        sentence,
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + (0 if indent else 2)),
        break_long_words=False,
        break_on_hyphens=False,
    )
