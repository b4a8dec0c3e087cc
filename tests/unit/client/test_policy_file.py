"""client.policy_file: policy files on disk, and the three that come with Muniment."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.client import home as homes
from muniment.client import policy_file
from muniment.core.rules import events, policy_text
from muniment.core.rules.policy import Role
from muniment.errors import InvalidInput, NotFound, Unavailable


@pytest.mark.parametrize("name", policy_file.READY)
def test_a_ready_policy_is_whole(name: str) -> None:
    file = policy_file.load(name)
    assert policy_text.parse(policy_text.format(file.policy)) == file.policy
    homes.check_founding(file.policy, file.founder)
    assert [event for event in events.TYPES if not file.policy.roles_that_may(event)] == []
    assert {each.name for each in file.policy.environments} == {"production", "staging"}


def test_solo_leaves_one_person_free() -> None:
    file = policy_file.load("solo")
    assert file.founder == ("owner",)
    assert [role for role in file.policy.roles if role.name == "owner"] == [Role(name="owner", may=("*",))]
    assert not file.policy.may(["approver"], "deployment.changed")
    assert (file.policy.amendment, file.policy.hold_roles, file.policy.record_refusals) == ((), ("owner",), ())


def test_the_founder_of_a_team_can_approve_nothing() -> None:
    for name in ("team", "regulated"):
        file = policy_file.load(name)
        assert file.policy.may(file.founder, "actor.enrolled")
        assert not file.policy.may(file.founder, "approval.decided")
        production = file.policy.environment("production")
        assert production is not None
        assert {"deployer", "registrar", "trainer"} <= set(production.separation)
        assert next((each.role, each.count) for each in production.approvals) == ("approver", 2)
        assert production.evaluations
        assert next((each.role, each.count) for each in file.policy.amendment) == ("approver", 2)


def test_regulated_is_nowhere_looser_than_team_in_what_it_asks() -> None:
    team, regulated = policy_file.load("team").policy, policy_file.load("regulated").policy
    changes = [change for change in policy_text.compare(team, regulated) if change.of.startswith("environments")]
    assert {change.effect for change in changes} == {"stricter"}
    assert regulated.roles_that_may("waiver.granted") == regulated.roles_that_may("dataset.withdrawn") == ("risk",)
    assert regulated.roles_that_may("conformity.recorded") == ("compliance",)


def test_each_line_of_a_ready_policy_fits_a_page() -> None:
    assert max(len(line) for name in policy_file.READY for line in policy_file.read(name).splitlines()) <= 128


def test_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("team").write_text(policy_file.read("solo"))
    assert policy_file.load("./team") == policy_file.load("solo") != policy_file.load("team")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no policy file") as caught:
        policy_file.load("temm")
    assert (caught.value.code, caught.value.hint) == ("no-policy-file", "Did you mean team?")
    with pytest.raises(NotFound) as caught:
        policy_file.load(str(tmp_path / "x.toml"))
    assert "solo, team, regulated" in caught.value.hint
    for odd in (str(tmp_path), "a\0b"):
        with pytest.raises(Unavailable) as unavailable:
            policy_file.load(odd)
        assert unavailable.value.code == "policy-file-unreadable"


def test_a_mistake_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(policy_file.read("team").replace('founder = ["admin"', 'founder = ["amdin"'))
    line = next(at for at, text in enumerate(path.read_text().splitlines(), 1) if "amdin" in text)
    with pytest.raises(InvalidInput) as caught:
        policy_file.load(str(path))
    assert str(caught.value) == f"{path}, line {line}: the role 'amdin' is used here and not defined"
    assert (caught.value.hint, caught.value.details["line"]) == ("Did you mean admin?", line)
