"""A policy.toml with every kind of mistake: each error names the line and the mend.

The file below is right. Each case changes one place of it, says at which line the mistake then stands, and a part of the words
that must tell it and of those that must say how to mend it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from muniment.core.rules import policy_text
from muniment.errors import InvalidInput

RIGHT = """\
# What production asks for.
founder = ["admin"]
amendment = { approver = 2 }
hold-roles = ["risk"]
record-refusals = ["deployment.changed", "approval.decided"]

[roles]
admin = ["actor.enrolled", "key.changed", "policy.amended"]
approver = ["approval.decided", "note.added"]
risk = [
    "approval.decided",
    "incident.recorded",  # opens a hold
    "incident.closed",
]
deployer = ["deployment.changed"]
node = ["attempt.refused"]

[environments.production]
approvals = { approver = 2, risk = 1 }
separation = ["trainer", "deployer"]
evaluations = [
    "auc >= 0.90 on test",
    "rmse < 2.5 on validation",
]
max-approval-age-days = 30
data = { licences = ["CC-BY-4.0"], purposes = ["credit-scoring"], allow-unknown-ancestry = false }

[environments.staging]
approvals = { approver = 1 }
"""


class Mistake(NamedTuple):
    """One change, where the mistake then stands, and what must be said of it."""

    old: str
    new: str
    line: int
    what: str
    mend: str


TOML = {
    "no closing bracket": Mistake('"deployment.changed"]\nnode', '"deployment.changed"\nnode', 15, "bracket", "]"),
    "no closing bracket at the end": Mistake("approvals = { approver = 1 }", "separation = [", 29, "bracket", "]"),
    "no comma in a list": Mistake('"actor.enrolled", "key', '"actor.enrolled" "key', 8, "comma", "commas"),
    "no comma between lines": Mistake('"auc >= 0.90 on test",', '"auc >= 0.90 on test"', 21, "comma", "commas"),
    "no comma in a table": Mistake("approver = 2, risk", "approver = 2 risk", 19, "comma", "commas"),
    "a table over two lines": Mistake("{ approver = 2, risk", "{ approver = 2,\nrisk", 19, "", "one line"),
    "a closing brace missing": Mistake("amendment = { approver = 2 }", "amendment = { approver = 2", 3, "bracket", "}"),
    "no quotes": Mistake('hold-roles = ["risk"]', "hold-roles = [risk]", 4, "'risk'", "quotes"),
    "no quotes around a list's text": Mistake('["attempt.refused"]', "[attempt.refused]", 16, "'attempt.refused'", "quotes"),
    "no closing quote": Mistake('"note.added"]', '"note.added]', 9, "closing quote", "quote"),
    "True with a capital": Mistake("ancestry = false", "ancestry = False", 26, "'False'", "Did you mean false?"),
    "a colon for the sign": Mistake("founder = [", "founder: [", 2, "without = and a value", "KEY = VALUE"),
    "no value": Mistake("max-approval-age-days = 30", "max-approval-age-days =", 25, "no value stands", "quotes"),
    "no sign": Mistake("max-approval-age-days = 30", "max-approval-age-days 30", 25, "without = and a value", "KEY = VALUE"),
    "a unit": Mistake("days = 30", "days = 30 days", 25, "'days'", "line of its own"),
    "a decimal comma": Mistake("days = 30", "days = 30,5", 25, "behind the value", "line of its own"),
    "two settings on a line": Mistake("days = 30\n", "days = 30 ", 25, "'data'", "line of its own"),
    "a heading that is not closed": Mistake("[roles]", "[roles", 7, "not closed", "[roles]"),
    "a heading without a name": Mistake("[roles]", "[]", 7, "name is expected", "KEY = VALUE"),
    "a backslash": Mistake('"note.added"', '"note\\.added"', 9, "backslash", "out"),
    "more persons than can be named": Mistake("approver = 2, risk", "approver = 64, risk", 19, "more than 64", "fewer"),
    "a setting twice": Mistake("[roles]", "founder = []\n[roles]", 7, "first time in line 2", "one of the two"),
    "a role twice": Mistake('node = ["', 'admin = []\nnode = ["', 16, "'roles.admin' stands there twice", "one of the two"),
    "a table twice": Mistake("[environments.staging]", "[roles]", 28, "first time in line 7", "one of the two"),
    "an environment twice": Mistake("[environments.staging]", "[environments.production]", 28, "line 18", "one of the two"),
    "a role counted twice": Mistake("approver = 2, risk = 1", "risk = 2, risk = 1", 19, "the same line", "one of the two"),
    "a table a second time as a heading": Mistake(
        "[environments.staging]", "[environments.production.data]", 28, "line 26", "one of"
    ),
    "two forms of one thing": Mistake("[roles]", "roles.extra = []\n[roles]", 8, "another form", "one of the two"),
    "a number without end": Mistake("days = 30", f"days = {'9' * 5_000}", 25, "too long", "smaller"),
    "a date that is none": Mistake("days = 30", "days = 2026-13-45", 25, "", "KEY = VALUE"),
    "a character that is not allowed": Mistake("# What", "# Wh\x00t", 1, "cannot be seen", "Delete"),
}

TOP = {
    "an unknown setting": Mistake("hold-roles =", "hold-role =", 4, "'hold-role'", "Did you mean hold-roles?"),
    "camel case": Mistake("hold-roles =", "holdRoles =", 4, "'holdRoles'", "Did you mean hold-roles?"),
    "an underscore": Mistake("record-refusals =", "record_refusals =", 5, "'record_refusals'", "record-refusals?"),
    "a setting that is like none": Mistake("founder =", "xyzzy =", 2, "'xyzzy'", "amendment, hold-roles"),
    "a table with a typing error": Mistake("[roles]", "[rolls]", 7, "'rolls'", "Did you mean roles?"),
    "one environment in the singular": Mistake("[environments.staging]", "[environment.staging]", 28, "", "mean environments?"),
    "a list for the amendment": Mistake(
        "amendment = { approver = 2 }", 'amendment = ["approver"]', 3, "a list", "{ approver = 2 }"
    ),
    "a number for the amendment": Mistake("amendment = { approver = 2 }", "amendment = 2", 3, "number 2", "{ approver = 2 }"),
    "a text for a list": Mistake('hold-roles = ["risk"]', 'hold-roles = "risk"', 4, "text 'risk'", '["approver"]'),
    "a number in a list": Mistake('hold-roles = ["risk"]', "hold-roles = [3]", 4, "number 3", "quotes"),
    "a role that holds and is none": Mistake('hold-roles = ["risk"]', 'hold-roles = ["riks"]', 4, "'riks'", "Did you mean risk?"),
    "the same role twice": Mistake('hold-roles = ["risk"]', 'hold-roles = ["risk", "risk"]', 4, "twice", "one of the two"),
    "a founder that is no role": Mistake('founder = ["admin"]', 'founder = ["owner"]', 2, "'owner'", "[roles]"),
    "a founder who can enrol nobody": Mistake('founder = ["admin"]', 'founder = ["risk"]', 2, "enrol nobody", "actor.enrolled"),
    "a refusal of everything": Mistake('["deployment.changed", "app', '["*", "app', 5, "'*'", "list the events"),
    "a refusal of no event": Mistake('["deployment.changed", "app', '["deploy.changed", "app', 5, "", "deployment.changed?"),
    "refusals that nobody records": Mistake('node = ["attempt.refused"]', 'node = ["note.added"]', 5, "recorded", "node = ["),
}

ROLES = {
    "no roles at all": Mistake(RIGHT[RIGHT.index("[roles]") :], "", 1, "no roles", "[roles]"),
    "roles in a list": Mistake(RIGHT[RIGHT.index("[roles]") :], 'roles = ["admin"]\n', 7, "a list", "[roles]"),
    "an event with a typing error": Mistake('"key.changed"', '"key.change"', 8, "'key.change'", "Did you mean key.changed?"),
    "an event on a line of its own": Mistake('"incident.closed"', '"incident.close"', 13, "", "Did you mean incident.closed?"),
    "an event with an underscore": Mistake('"note.added"', '"note_added"', 9, "'note_added'", "Did you mean note.added?"),
    "an event that is like none": Mistake('"note.added"', '"frobnicate"', 9, "'frobnicate'", "docs/events.md"),
    "an event of a family": Mistake('"note.added"', '"ownership.q"', 9, "'ownership.q'", "ownership."),
    "an event twice": Mistake('"incident.closed"', '"incident.recorded"', 13, "twice", "one of the two"),
    "a text for the events of a role": Mistake('["deployment.changed"]\nnode', '"*"\nnode', 15, "text '*'", "brackets"),
    "a table for a role": Mistake('node = ["attempt.refused"]', "node = { may = [] }", 16, "a table", "brackets"),
    "a table in the list of a role": Mistake('["attempt.refused"]', '[{ may = "x" }]', 16, "a table", "quotes"),
    "a role with a space": Mistake("deployer = [", '"the deployer" = [', 15, "'the deployer'", "letters, digits"),
    "a role without a name": Mistake("deployer = [", '"" = [', 15, "''", "letters, digits"),
    "a role with a very long name": Mistake("deployer = [", f"{'d' * 129} = [", 15, "cannot name a role", "128"),
    "nobody may amend": Mistake(', "policy.amended"]', "]", 7, "never be changed", '"policy.amended"'),
}

ENVIRONMENTS = {
    "no name": Mistake("[environments.staging]", "[environments]", 29, "in no environment", "[environments.production]"),
    "a list of tables": Mistake("[environments.staging]", "[[environments.staging]]", 28, "a list", "[environments.staging]"),
    "a name with a slash": Mistake("[environments.staging]", '[environments."eu/staging"]', 28, "'eu/staging'", "letters, digits"),
    "a number for an environment": Mistake(
        "[environments.staging]\napprovals = { approver = 1 }", "[environments]\nx = 1", 29, "", "[environments.x]"
    ),
    "an unknown setting": Mistake("separation =", "seperation =", 20, "'seperation'", "Did you mean separation?"),
    "the name of the struct": Mistake("max-approval-age-days", "maxApprovalAgeDays", 25, "", "mean max-approval-age-days?"),
    "a role that approves and is none": Mistake("{ approver = 1 }", "{ aprover = 1 }", 29, "'aprover'", "Did you mean approver?"),
    "a role that approves and is not near": Mistake("{ approver = 1 }", "{ xyz = 1 }", 29, "'xyz'", "Add it under [roles]"),
    "a role that may not approve": Mistake("{ approver = 1 }", "{ deployer = 1 }", 29, "nobody could ever", "approval.decided"),
    "no persons": Mistake("{ approver = 1 }", "{ approver = 0 }", 29, "at least 1, not 0", "1 or more"),
    "fewer than no persons": Mistake("{ approver = 1 }", "{ approver = -1 }", 29, "at least 1, not -1", "1 or more"),
    "half a person": Mistake("{ approver = 1 }", "{ approver = 1.5 }", 29, "number 1.5", "whole number"),
    "a count in quotes": Mistake("{ approver = 1 }", '{ approver = "1" }', 29, "text '1'", "without quotes"),
    "true for a count": Mistake("{ approver = 1 }", "{ approver = true }", 29, "true", "whole number"),
    "very many persons": Mistake("{ approver = 1 }", "{ approver = 9007199254740992 }", 29, "too large", "up to"),
    "a number for the approvals": Mistake("approvals = { approver = 1 }", "approvals = 1", 29, "number 1", "{ approver = 2 }"),
    "a party that is none": Mistake('"trainer", "deployer"', '"trainers", "deployer"', 20, "'trainers'", "Did you mean trainer?"),
    "a party that is like none": Mistake('"trainer", "deployer"', '"x", "deployer"', 20, "'x'", "deployer, evaluator, registrar"),
    "a party twice": Mistake('"trainer", "deployer"', '"trainer", "trainer"', 20, "twice", "one of the two"),
    "an age in quotes": Mistake("days = 30", 'days = "30"', 25, "text '30'", "without quotes"),
    "an age of nothing": Mistake("days = 30", "days = 0", 25, "at least 1", "leave the setting out"),
    "a date for an age": Mistake("days = 30", "days = 2026-11-23", 25, "date", "whole number"),
}

EVALUATIONS = {
    "a text for the list": Mistake(
        RIGHT[RIGHT.index('[\n    "auc') : RIGHT.index("max-app")], '"auc >= 0.9 on test"\n', 21, "text", "brackets"
    ),
    "a number": Mistake('"auc >= 0.90 on test"', "0.90", 22, "number 0.9", "auc >= 0.90 on test"),
    "no data": Mistake("auc >= 0.90 on test", "auc >= 0.90", 22, "on which data", "on test"),
    "no number": Mistake("auc >= 0.90 on test", "auc on test", 22, "no threshold", "auc >= 0.90 on test"),
    "the sign the wrong way round": Mistake("auc >= 0.90", "auc => 0.90", 22, "'=>'", "Did you mean >=?"),
    "one sign of equality": Mistake("auc >= 0.90", "auc = 0.90", 22, "'='", "Did you mean ==?"),
    "a sign that is none": Mistake("auc >= 0.90", "auc != 0.90", 22, "'!='", ">= <= > < =="),
    "a word for a sign": Mistake("auc >= 0.90", "auc over 0.90", 22, "'over'", ">= <= > < =="),
    "a percentage": Mistake("auc >= 0.90", "auc >= 90%", 22, "'90%'", "0.90"),
    "a comma in a number": Mistake("rmse < 2.5", "rmse < 2,5", 23, "'2,5'", "Did you mean 2.5?"),
    "a number without a whole part": Mistake("auc >= 0.90", "auc >= .90", 22, "'.90'", "Did you mean 0.90?"),
    "a number with a capital E": Mistake("rmse < 2.5", "rmse < 2.5E-3", 23, "'2.5E-3'", "Did you mean 2.5e-3?"),
    "no number at all": Mistake("auc >= 0.90", "auc >= NaN", 22, "'NaN'", "0.90"),
    "a word for a number": Mistake("auc >= 0.90", "auc >= high", 22, "'high'", "0.90"),
    "a number beyond all limits": Mistake("rmse < 2.5", "rmse < 1e500", 23, "'1e500'", "400"),
    "data of no known use": Mistake("on validation", "on valid", 23, "'valid'", "Did you mean validation?"),
    "data of quite another use": Mistake("on validation", "on loans", 23, "'loans'", "test"),
    "a metric that cannot be one": Mistake("auc >= 0.90", "auc@5 >= 0.90", 22, "'auc@5'", "letters"),
    "the same threshold twice": Mistake("rmse < 2.5 on validation", "auc >= 0.90 on test", 23, "twice", "one of the two"),
}

DATA = {
    "a list for the terms": Mistake(
        RIGHT[RIGHT.index("data = {") + 7 : RIGHT.index("\n\n[environments.s")], "[]", 26, "a list", "data = {"
    ),
    "the other spelling": Mistake("licences =", "licenses =", 26, "'licenses'", "Did you mean licences?"),
    "a licence with spaces": Mistake('"CC-BY-4.0"', '"CC BY 4.0"', 26, "'CC BY 4.0'", "Did you mean CC-BY-4.0?"),
    "an expression of licences": Mistake('"CC-BY-4.0"', '"MIT OR Apache-2.0"', 26, "'MIT OR Apache-2.0'", "each licence by itself"),
    "a licence with a plus": Mistake('"CC-BY-4.0"', '"GPL-3.0+"', 26, "'GPL-3.0+'", "Did you mean GPL-3.0-or-later?"),
    "a licence that is nothing": Mistake('"CC-BY-4.0"', '""', 26, "SPDX", "CC-BY-4.0"),
    "a licence twice": Mistake('["CC-BY-4.0"]', '["CC-BY-4.0", "CC-BY-4.0"]', 26, "twice", "one of the two"),
    "a text for the licences": Mistake('["CC-BY-4.0"]', '"CC-BY-4.0"', 26, "text 'CC-BY-4.0'", "brackets"),
    "a purpose with spaces": Mistake(
        '"credit-scoring"', '"credit scoring"', 26, "'credit scoring'", "Did you mean credit-scoring?"
    ),
    "false in quotes": Mistake("ancestry = false", 'ancestry = "false"', 26, "text 'false'", "without quotes"),
    "a number for true": Mistake("ancestry = false", "ancestry = 0", 26, "number 0", "true or false"),
    "a term that is none": Mistake("purposes =", "xyz =", 26, "'xyz'", "licences, purposes"),
}

AMENDMENT = {
    "a role that is none": Mistake("amendment = { approver = 2 }", "amendment = { approvers = 2 }", 3, "'approvers'", "approver?"),
    "a role that may not approve": Mistake(
        "amendment = { approver = 2 }", "amendment = { admin = 1 }", 3, "nobody could", "approval.decided"
    ),
    "no persons": Mistake("amendment = { approver = 2 }", "amendment = { approver = 0 }", 3, "at least 1", "leave the setting out"),
}

CASES = {
    f"{part}: {name}": case
    for part, cases in (
        ("toml", TOML),
        ("top", TOP),
        ("roles", ROLES),
        ("environments", ENVIRONMENTS),
        ("evaluations", EVALUATIONS),
        ("data", DATA),
        ("amendment", AMENDMENT),
    )
    for name, case in cases.items()
}


def test_the_file_is_right() -> None:
    policy = policy_text.parse(RIGHT)
    assert [environment.name for environment in policy.environments] == ["production", "staging"]
    assert policy_text.parse(policy_text.format(policy)) == policy


def test_there_are_more_than_fifty_kinds() -> None:
    assert len(CASES) >= 100


@pytest.mark.parametrize("name", CASES)
def test_each_mistake_names_its_line_and_its_mend(name: str) -> None:
    case = CASES[name]
    assert RIGHT.count(case.old) == 1, "a case changes one place"
    with pytest.raises(InvalidInput) as caught:
        policy_text.parse(RIGHT.replace(case.old, case.new))
    error = caught.value
    assert error.code == "bad-policy-file"
    assert str(error).startswith(f"line {case.line}: "), error
    assert error.details["line"] == case.line
    assert case.what in str(error), error
    assert case.mend in error.hint, error.hint


@pytest.mark.parametrize(
    ("change", "line", "mend"),
    [
        (lambda raw: raw.replace(b"approver = [", b"pr\xfcfer = [", 1), 9, "UTF-8"),
        (lambda raw: raw.decode().encode("utf-16"), 1, "UTF-8"),
        (lambda raw: b"\xef\xbb\xbf" + raw, 1, "without one"),
        (lambda raw: raw + b"#" * policy_text.MAX_FILE_CHARACTERS, 1, "shorten"),
        (lambda raw: raw + b"#" * 5 * policy_text.MAX_FILE_CHARACTERS, 1, "right file"),
        (lambda raw: raw + b"data = " + b"[" * 100_000, 30, "nested"),
        (lambda raw: b"x = " + b"[" * 5_000 + b"]" * 5_000 + b"\n" + raw, 1, "brackets"),
    ],
    ids=["latin-1", "utf-16", "a mark at the beginning", "long", "very long", "deep and open", "deep"],
)
def test_what_no_line_of_text_can_say(tmp_path: Path, change: Callable[[bytes], bytes], line: int, mend: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(change(RIGHT.encode()))
    done = _check(path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"  line {line}: " in done.stderr
    assert mend in done.stderr


def test_a_policy_that_is_too_large(tmp_path: Path) -> None:
    roles = "".join(f'role-{number:04} = ["note.added"]\n' for number in range(1_200))
    with pytest.raises(InvalidInput, match=r"^line 1: the policy takes [0-9]+ bytes") as caught:
        policy_text.parse(RIGHT.replace("[roles]\n", f"[roles]\n{roles}"))
    assert "fewer roles" in caught.value.hint


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    wrong = RIGHT.replace('"key.changed"', '"key.chnaged"').replace("days = 30", "days = 0").replace("0.90 on", "90% on")
    path.write_text(wrong)
    done = _check(path)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"3 mistakes in {path}:\n  line 8: there is no event 'key.chnaged'\n    Did you mean key.changed?\n"
    )
    assert [line.split(":")[0].strip() for line in done.stderr.splitlines() if line.startswith("  line")] == [
        "line 8",
        "line 22",
        "line 25",
    ]


def _check(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "muniment", "policy", "check", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
