"""Meeting a node for the first time, coming back to it, and working while it is away."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

import hosts
import lying
import makers
from lying import Liar
from muniment import config
from muniment.client.opening import connect
from muniment.client.remote import first_contact
from muniment.client.remote.first_contact import FirstContactWarning
from muniment.config import Config
from muniment.core.proof import trust as trusts
from muniment.errors import InvalidInput, Unavailable, VerificationError
from muniment.ledger.pins import fingerprint


class Meeting(NamedTuple):
    """A node over a small ledger, and the settings of a client that was never there."""

    life: makers.Life
    liar: Liar
    host: hosts.Host
    settings: Config

    @property
    def trust(self) -> Path:
        return self.settings.home / "trust.toml"


@pytest.fixture
def meeting(tmp_path: Path) -> Iterator[Meeting]:
    (tmp_path / "home").mkdir()
    life = makers.found(tmp_path / "home" / "ledger.db").grow(9, 2)
    host = hosts.host(tmp_path / "home", life.engine, Liar)
    environment = {"HOME": str(tmp_path), "MUNIMENT_URL": host.url, "MUNIMENT_TOKEN": hosts.TOKEN}
    yield Meeting(life, host.front, host, config.resolve(environment, tmp_path, {}))
    host.close()


def test_the_first_contact_is_said_and_kept_and_the_second_says_nothing(meeting: Meeting) -> None:
    assert not first_contact.is_known(meeting.settings.home)
    with pytest.warns(FirstContactWarning) as said:
        met = first_contact.meet(meeting.settings)
    assert met == meeting.host.trust
    assert fingerprint(met) in str(said[0].message)
    assert trusts.parse(meeting.trust.read_text()) == met
    assert meeting.settings.home.stat().st_mode & 0o077 == 0
    assert [each.name for each in meeting.settings.home.iterdir()] == ["trust.toml"]
    assert first_contact.is_known(meeting.settings.home)
    meeting.liar.asked.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert first_contact.meet(meeting.settings) == met
    # What is known needs nobody.
    assert meeting.liar.asked == []


def test_a_trust_file_that_was_handed_over_is_believed_instead(meeting: Meeting, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(meeting.settings, trust=tmp_path / "home" / "trust.toml")
    assert first_contact.meet(settings) == meeting.host.trust
    assert meeting.liar.asked == []


def test_an_unknown_node_that_is_away_cannot_be_met(meeting: Meeting) -> None:
    meeting.host.stop()
    with pytest.raises(Unavailable) as found:
        first_contact.meet(meeting.settings)
    assert found.value.code == "unreachable"
    assert "--trust" in found.value.hint
    assert not meeting.trust.exists()
    meeting.host.start()


@pytest.mark.parametrize(
    ("path", "edit", "step"),
    [
        ("/v1/ledger", lambda said: said | {"ledger": "0" * 64}, 2),
        ("/v1/ledger", lambda said: said | {"trust": "hello"}, 2),
        ("/v1/ledger", lambda said: said | {"origin": "example.com/x"}, 2),
        ("/v1/view", lambda said: said | {"checkpoint": said["checkpoint"].replace("\n9\n", "\n8\n")}, 3),
        (
            "/v1/ledger",
            lambda said: said | {"ledger": "0" * 64, "trust": said["trust"].replace(said["ledger"], "0" * 64)},
            2,
        ),
    ],
)
def test_a_node_that_contradicts_itself_is_not_believed(meeting: Meeting, path: str, edit: object, step: int) -> None:
    meeting.liar.lie = lying.change(path, edit)  # type: ignore[arg-type]
    with pytest.raises(VerificationError) as found:
        first_contact.meet(meeting.settings)
    assert found.value.step == step
    assert not meeting.trust.exists()


def test_another_ledger_at_the_same_address_is_told(meeting: Meeting, tmp_path: Path) -> None:
    with pytest.warns(FirstContactWarning):
        connect(meeting.settings).close()
    (tmp_path / "other").mkdir()
    other = makers.found(tmp_path / "other" / "ledger.db", makers.StepClock(makers.NOON + 5_000_000))
    meeting.host.stop()
    impostor = hosts.host(tmp_path / "other", other.engine)
    settings = msgspec.structs.replace(meeting.settings, url=impostor.url)
    with pytest.raises(VerificationError) as found:
        connect(settings)
    assert found.value.step in (2, 5)
    impostor.close()
    meeting.host.start()


def test_a_node_that_is_known_may_be_away(meeting: Meeting) -> None:
    with pytest.warns(FirstContactWarning):
        connect(meeting.settings).close()
    meeting.host.stop()
    with connect(meeting.settings) as ledger:
        assert ledger.contact is None
    meeting.host.start()
    with connect(meeting.settings) as ledger:
        assert ledger.contact is not None
        assert ledger.contact.relation == "same"


def test_bad_settings_are_told_before_anything_is_asked(meeting: Meeting) -> None:
    for change, code in (
        ({"url": None}, "no-url"),
        ({"url": "https://a b"}, "bad-url"),
        ({"token": "a b"}, "bad-token"),
        ({"url": "http://ledger.invalid"}, "token-in-clear"),
    ):
        with pytest.raises(InvalidInput) as found:
            first_contact.meet(msgspec.structs.replace(meeting.settings, **change))  # type: ignore[arg-type]
        assert found.value.code == code
    assert meeting.liar.asked == []


def test_two_processes_that_meet_it_at_once_keep_one_file(meeting: Meeting) -> None:
    with pytest.warns(FirstContactWarning):
        first_contact.meet(meeting.settings)
    before = meeting.trust.read_bytes()
    assert first_contact._keep(meeting.trust, "another") is False
    assert meeting.trust.read_bytes() == before
    assert os.listdir(meeting.settings.home) == ["trust.toml"]
