"""From the plain values of a policy file to the parts of a policy; every mistake is marked, and reading goes on behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

import msgspec

from muniment.core.format.encoding import MAX_INTEGER, Identifier, Segment
from muniment.core.rules.events.catalogue import TYPES
from muniment.core.rules.members import MAX_MEMBERS
from muniment.core.rules.policy import (
    ANY,
    MAX_NAMED,
    MAX_QUORUM,
    QUORUM,
    Agreement,
    Approvals,
    DataTerms,
    Environment,
    Party,
    Quorum,
    Role,
)
from muniment.core.rules.policy_text import threshold
from muniment.core.rules.policy_text.marks import Marks, is_form, kind, nearest, show, suggest
from muniment.core.rules.policy_text.position import Path

PARTIES: tuple[Party, ...] = get_args(Party)
DECIDES = "approval.decided"
ENVIRONMENT_KEYS = ("approvals", "separation", "evaluations", "max-approval-age-days", "data")
DATA_KEYS = ("licences", "purposes", "allow-unknown-ancestry")

_expression = re.compile(r" (?:OR|AND|WITH) ")
_PERSONS = "a number of persons"
_NOTHING = "0 asks for nothing"
_NO_QUORUM = (
    f'"{QUORUM}" is for the setting amendment alone, in which members have voices',
    "Persons approve here: write how many, a whole number without quotes, such as 2.",
)
_MOST = f'As "{QUORUM}" counts {MAX_QUORUM}, which are more than two thirds of {MAX_MEMBERS} members.'
_NAME = "Use letters, digits, dots, dashes and underscores; begin with a letter or digit."


def read_table(marks: Marks, path: Path, value: object, keys: Iterable[str] | None, example: str) -> Mapping[str, object]:
    """A table whose keys are known, or free where `keys` is None; an empty one where it is none."""
    if not isinstance(value, dict):
        marks.mark(path, f"{_title(path)} is {kind(value)}, not a table", f"Write it like {example}.")
        return {}
    known = None if keys is None else tuple(keys)
    for key in value:
        if known is not None and key not in known:
            mend = suggest(key, known, f"There are {', '.join(known)}.")
            marks.mark((*path, key), f"{_title(path)} has no setting {show(key)}", mend)
    return value


def read_texts(marks: Marks, path: Path, value: object, what: str, example: str) -> tuple[tuple[Path, str], ...]:
    """The texts of a list, each with its place; what is no text, and what stands there twice, is marked and left out."""
    if not isinstance(value, list):
        marks.mark(path, f"{_title(path)} is {kind(value)}, not a list", f'Write it in brackets, like ["{example}"].')
        return ()
    texts: dict[str, Path] = {}
    for number, item in enumerate(value):
        place = (*path, number)
        if not isinstance(item, str):
            marks.mark(place, f"{what} is expected here, not {kind(item)}", f'Write it in quotes, like "{example}".')
        elif item in texts:
            marks.mark(place, f"{show(item)} stands in this list twice", "Keep one of the two.")
        else:
            texts[item] = place
    return tuple((place, text) for text, place in texts.items())


def read_role(marks: Marks, name: str, value: object) -> Role:
    """One role and the events that it may write."""
    path: Path = ("roles", name)
    check_name(marks, path, name, "a role")
    texts = read_texts(marks, path, value, "the name of an event", "note.added")
    return Role(name=name, may=_sorted(text for place, text in texts if text == ANY or check_event(marks, place, text)))


def read_environment(marks: Marks, name: str, value: object, roles: Mapping[str, Role]) -> Environment:
    """One environment and what it asks for."""
    path: Path = ("environments", name)
    if name in ENVIRONMENT_KEYS:
        mend = "Write [environments.production], or the name of yours, above it in place of [environments]."
        marks.mark(path, f"{show(name)} stands in no environment", mend)
        return Environment(name="none")
    check_name(marks, path, name, "an environment")
    table = read_table(marks, path, value, ENVIRONMENT_KEYS, f"[environments.{name}] on a line of its own")
    terms = None if "data" not in table else _read_data(marks, (*path, "data"), table["data"])
    days = table.get("max-approval-age-days")
    separated = read_texts(marks, (*path, "separation"), table.get("separation", []), "a party", "trainer")
    return Environment(
        name=name,
        approvals=read_approvals(marks, (*path, "approvals"), table.get("approvals", {}), roles),
        separation=tuple(party for party in PARTIES if party in [_check_party(marks, *each) for each in separated]),
        evaluations=threshold.read(marks, (*path, "evaluations"), table.get("evaluations", [])),
        data=msgspec.UNSET if terms is None else terms,
        max_approval_age_days=msgspec.UNSET
        if days is None
        else read_count(marks, (*path, "max-approval-age-days"), days, "a number of days", "With 0 days no approval would count"),
    )


def read_approvals(marks: Marks, path: Path, value: object, roles: Mapping[str, Role]) -> tuple[Approvals, ...]:
    """How many persons of which role: a table of roles and counts."""
    read = []
    for name, place, count in _read_asked(marks, path, value, roles):
        if count == QUORUM:
            marks.mark(place, *_NO_QUORUM)
            continue
        read.append(Approvals(role=name, count=read_count(marks, place, count, _PERSONS, _NOTHING)))
    return tuple(read) if _check_named(marks, path, [each.count for each in read]) else ()


def read_agreements(marks: Marks, path: Path, value: object, roles: Mapping[str, Role]) -> tuple[Agreement, ...]:
    """How many voices of which role, or a quorum of the members: a table of roles and counts."""
    read = [
        Agreement(role=name, count=_read_voices(marks, place, count))
        for name, place, count in _read_asked(marks, path, value, roles)
    ]
    return tuple(read) if _check_named(marks, path, [each.most for each in read]) else ()


def read_roles_named(marks: Marks, path: Path, value: object, roles: Mapping[str, Role]) -> tuple[str, ...]:
    """A list of roles that the policy defines."""
    texts = read_texts(marks, path, value, "the name of a role", _example_role(roles))
    return _sorted(text for place, text in texts if check_role(marks, place, text, roles))


def read_events_named(marks: Marks, path: Path, value: object) -> tuple[str, ...]:
    """A list of events of the vocabulary."""
    texts = read_texts(marks, path, value, "the name of an event", "deployment.changed")
    return _sorted(text for place, text in texts if check_event(marks, place, text))


def read_count(marks: Marks, path: Path, value: object, what: str, zero: str) -> int:
    """A whole number of at least 1."""
    # `true` is an integer to Python.
    if isinstance(value, bool) or not isinstance(value, int):
        marks.mark(path, f"{what} is expected here, not {kind(value)}", "Write a whole number without quotes, such as 2.")
    elif value < 1:
        marks.mark(path, f"{what} is at least 1, not {value}", f"{zero}: write 1 or more, or leave the setting out.")
    elif value > MAX_INTEGER:
        marks.mark(path, f"{what} is far too large", f"Write a number up to {MAX_INTEGER}.")
    else:
        return value
    return 1


def check_name(marks: Marks, path: Path, name: str, what: str) -> None:
    """Check that a text can name a role or an environment."""
    if not is_form(name, Segment):
        marks.mark(path, f"{show(name)} cannot name {what}", f"{_NAME} At most 128 characters.")


def check_event(marks: Marks, path: Path, name: str) -> bool:
    """Check that a text names an event of protocol 1."""
    if name in TYPES:
        return True
    family = [each for each in TYPES if each.partition(".")[0] == name.partition(".")[0]]
    mend = f"Those that begin like it are {', '.join(family)}." if family else "docs/events.md lists every event."
    if name == ANY:
        mend = f"{ANY} is for roles; list the events here."
    marks.mark(path, f"there is no event {show(name)}", mend if name == ANY else suggest(name, TYPES, mend))
    return False


def check_role(marks: Marks, path: Path, name: str, roles: Mapping[str, Role]) -> bool:
    """Check that a role is defined."""
    # Where no role could be read, one mistake is told and not one for each name.
    if name in roles or not roles:
        return name in roles
    near = nearest(name, roles)
    mend = f"Did you mean {near}?" if near else f"Add it under [roles], or use one of {', '.join(sorted(roles))}."
    marks.mark(path, f"the role {show(name)} is used here and not defined", mend)
    return False


def may(role: Role, event: str) -> bool:
    """May this role write an event?"""
    return event in role.may or ANY in role.may


def _read_asked(marks: Marks, path: Path, value: object, roles: Mapping[str, Role]) -> Iterator[tuple[str, Path, object]]:
    """The roles that are asked, sorted, each with its place and what stands there for a count."""
    table = read_table(marks, path, value, None, f"{path[-1]} = {{ {_example_role(roles)} = 2 }}")
    for name, count in sorted(table.items()):
        place = (*path, name)
        if check_role(marks, place, name, roles) and not may(roles[name], DECIDES) and not marks.within(("roles", name)):
            marks.mark(
                place,
                f"nobody could ever give this approval: the role {name} may not write {DECIDES}",
                f'Add "{DECIDES}" to the events of {name} under [roles], or ask another role.',
            )
        yield name, place, count


def _read_voices(marks: Marks, path: Path, value: object) -> int | Quorum:
    if value == QUORUM:
        return QUORUM
    if not isinstance(value, str):
        return read_count(marks, path, value, _PERSONS, _NOTHING)
    meant = f'Did you mean "{QUORUM}"?' if nearest(value, (QUORUM,)) else f'Write a whole number without quotes, or "{QUORUM}".'
    marks.mark(path, f'{_PERSONS} or "{QUORUM}" is expected here, not {kind(value)}', meant)
    return 1


def _check_named(marks: Marks, path: Path, counts: Sequence[int]) -> bool:
    if sum(counts) <= MAX_NAMED:
        return True
    marks.mark(path, f"more than {MAX_NAMED} approvals are asked for, and an event can name no more", f"Ask for fewer. {_MOST}")
    return False


def _read_data(marks: Marks, path: Path, value: object) -> DataTerms:
    table = read_table(marks, path, value, DATA_KEYS, 'data = { licences = ["CC-BY-4.0"], allow-unknown-ancestry = false }')
    allowed = table.get("allow-unknown-ancestry", False)
    if not isinstance(allowed, bool):
        place = (*path, "allow-unknown-ancestry")
        marks.mark(place, f"true or false is expected here, not {kind(allowed)}", "Write true or false, without quotes.")
        allowed = False
    return DataTerms(
        licences=_read_forms(marks, (*path, "licences"), table, Segment, "an SPDX licence id", "CC-BY-4.0"),
        purposes=_read_forms(marks, (*path, "purposes"), table, Identifier, "a purpose", "credit-scoring"),
        allow_unknown_ancestry=allowed,
    )


def _read_forms(marks: Marks, path: Path, table: Mapping[str, object], form: object, what: str, example: str) -> tuple[str, ...]:
    read = []
    for place, text in read_texts(marks, path, table.get(str(path[-1]), []), what, example):
        if is_form(text, form):
            read.append(text)
            continue
        marks.mark(place, f"{show(text)} has not the form of {what}", _mend_form(text, form, example))
    return _sorted(read)


def _mend_form(text: str, form: object, example: str) -> str:
    if _expression.search(text):
        return f"Name each licence by itself, like {example}: every one of the list is taken."
    # GPL-3.0+ is the older way to write GPL-3.0-or-later.
    written = re.sub(r"[^A-Za-z0-9._/-]+", "-", re.sub(r"\+$", "-or-later", text)).strip("-._/")
    return f"Did you mean {written}?" if is_form(written, form) else f"Write it like {example}."


def _check_party(marks: Marks, path: Path, text: str) -> str:
    if text not in PARTIES:
        marks.mark(path, f"there is no party {show(text)}", suggest(text, PARTIES, f"The parties are {', '.join(PARTIES)}."))
    return text


def _example_role(roles: Mapping[str, Role]) -> str:
    return next((name for name, role in sorted(roles.items()) if may(role, DECIDES) and ANY not in role.may), "approver")


def _sorted(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(texts))


def _title(path: Path) -> str:
    """A setting as it is called in messages."""
    return ".".join(str(part) for part in path) or "a policy file"
