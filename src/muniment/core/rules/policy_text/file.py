"""A policy file, read and written (docs/policy.md): text in, policy out; every mistake with its line and its mend."""

from __future__ import annotations

import tomllib

import msgspec

from muniment.core.format.encoding import MAX_PAYLOAD_BYTES
from muniment.core.rules import policy as policies
from muniment.core.rules.policy import Policy, Role
from muniment.core.rules.policy_text import parts, position, syntax
from muniment.core.rules.policy_text.marks import Marks, Mistake, refuse

MAX_FILE_CHARACTERS = 262_144
MAX_POLICY_BYTES = MAX_PAYLOAD_BYTES - 8_192
"""What a policy takes at most: the event that amends it holds it whole, beside the approvals that it relies on."""
MAX_DOTS = 1_000
"""How many dots a line has at most: `tomllib` takes minutes for a name of a hundred thousand parts."""

KEYS = ("founder", "amendment", "hold-roles", "record-refusals", "roles", "environments")
AMENDS = "policy.amended"
ENROLS = "actor.enrolled"
REFUSES = "attempt.refused"

_EXAMPLE = '[roles] on a line of its own, and below it lines like approver = ["approval.decided"]'


class File(msgspec.Struct, frozen=True):
    """What a policy file says: the policy, and the roles of whoever founds a ledger with it (none where it does not say)."""

    policy: Policy
    founder: tuple[str, ...] = ()


def parse(text: str) -> Policy:
    """The policy of a policy file. Raises InvalidInput (`bad-policy-file`) as `parse_file`."""
    return parse_file(text).policy


def parse_file(text: str) -> File:
    """Read a policy file. Raises InvalidInput (`bad-policy-file`): the message names the line, the hint says the mend.

    The details hold the first `line`, and all `mistakes` with line, what and mend each.
    """
    if len(text) > MAX_FILE_CHARACTERS:
        mend = f"A policy file has at most {MAX_FILE_CHARACTERS} characters: shorten its comments."
        raise refuse([Mistake(1, f"the file has {len(text)} characters", mend)])
    if text.startswith("\ufeff"):
        raise refuse([Mistake(1, "the file begins with a byte order mark", "Save it as UTF-8 without one.")])
    dotted = next((number for number, line in enumerate(text.split("\n"), 1) if line.count(".") > MAX_DOTS), None)
    if dotted is not None:
        raise refuse([Mistake(dotted, f"more than {MAX_DOTS} dots stand on one line", "Write one setting on each line.")])
    positions = position.locate(text)
    try:
        document: dict[str, object] = tomllib.loads(text)
    except RecursionError:
        mend = "No value of a policy has brackets in brackets in brackets."
        raise refuse([Mistake(positions.unclosed or 1, "brackets are nested far too deep", mend)]) from None
    except ValueError as error:
        raise refuse([syntax.explain(text, error, positions)]) from None
    marks = Marks(positions)
    file = _read(marks, document)
    marks.require_none()
    _check_whole(file.policy)
    return file


def decode(raw: bytes) -> str:
    """The text of a policy file. Raises InvalidInput (`bad-policy-file`) where it is not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"the byte 0x{raw[error.start]:02x} is not UTF-8"
        raise refuse([Mistake(line, what, "Save the file as UTF-8, or leave letters with accents out.")]) from None


def _read(marks: Marks, document: dict[str, object]) -> File:
    table = parts.read_table(marks, (), document, KEYS, "")
    roles = _read_roles(marks, table.get("roles"))
    environments = parts.read_table(
        marks, ("environments",), table.get("environments", {}), None, "[environments.production] on a line of its own"
    )
    listed = tuple(sorted(roles.values(), key=lambda role: role.name))
    file = File(Policy(roles=listed), parts.read_roles_named(marks, ("founder",), table.get("founder", []), roles))
    read = [parts.read_environment(marks, name, value, roles) for name, value in environments.items()]
    amendment = parts.read_agreements(marks, ("amendment",), table.get("amendment", {}), roles)
    hold_roles = parts.read_roles_named(marks, ("hold-roles",), table.get("hold-roles", []), roles)
    refusals = parts.read_events_named(marks, ("record-refusals",), table.get("record-refusals", []))
    _check_reach(marks, roles, refusals, file.founder)
    if marks.mistakes:
        # What was marked was left out or replaced: a policy made of the rest may break the rules of its own form.
        return file
    return File(
        msgspec.structs.replace(
            file.policy,
            environments=tuple(sorted(read, key=lambda each: each.name)),
            amendment=amendment,
            hold_roles=hold_roles,
            record_refusals=refusals,
        ),
        file.founder,
    )


def _read_roles(marks: Marks, value: object) -> dict[str, Role]:
    if value is None or value == {}:
        # A setting whose name is wrong was perhaps meant to be this one.
        if marks.mistakes:
            return {}
        marks.mark(("roles",), "no roles are defined, so nobody could write anything", f"Write {_EXAMPLE}.")
        return {}
    table = parts.read_table(marks, ("roles",), value, None, _EXAMPLE)
    return {name: parts.read_role(marks, name, may) for name, may in table.items()}


def _check_reach(marks: Marks, roles: dict[str, Role], refusals: tuple[str, ...], founder: tuple[str, ...]) -> None:
    """What nobody could ever do although the policy counts on it."""
    if not roles or marks.within(("roles",)):
        return
    if not any(parts.may(role, AMENDS) for role in roles.values()):
        marks.mark(
            ("roles",),
            f"no role may write {AMENDS}, so these rules could never be changed again",
            f'Add "{AMENDS}" to the events of a role, such as admin.',
        )
    if refusals and not any(parts.may(role, REFUSES) for role in roles.values()):
        marks.mark(
            ("record-refusals",),
            f"refusals could not be recorded: no role may write {REFUSES}",
            f'Add the role of the ledger\'s own service: node = ["{REFUSES}", "deployment.observed", "disclosure.made"].',
        )
    if founder and not marks.within(("founder",)) and not any(parts.may(roles[name], ENROLS) for name in founder):
        marks.mark(
            ("founder",),
            f"whoever founds a ledger with this policy could enrol nobody: none of the roles may write {ENROLS}",
            f'Add "{ENROLS}" to the events of one of them, or name a role that has it.',
        )


def _check_whole(policy: Policy) -> None:
    """What only shows when all is read: the size, and the form that the rules themselves check once more."""
    size = len(policies.encode(policy))
    if size > MAX_POLICY_BYTES:
        mend = f"A policy takes at most {MAX_POLICY_BYTES} bytes in the ledger: define fewer roles and environments."
        raise refuse([Mistake(1, f"the policy takes {size} bytes", mend)])
    try:
        msgspec.convert(msgspec.to_builtins(policy), Policy)
    except msgspec.ValidationError as error:
        raise refuse([Mistake(1, f"the policy has not the form of one: {error}", "Compare it with docs/policy.md.")]) from None
