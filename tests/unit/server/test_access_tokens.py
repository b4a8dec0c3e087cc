"""API tokens, sessions and single-use codes: what is kept of them, and when they end."""

from __future__ import annotations

import multiprocessing
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.core.format import time
from muniment.errors import CorruptStore, InvalidInput, MunimentError, NotFound, Unavailable
from muniment.server.access import store
from muniment.server.access.sessions import IDLE_US, LIFE_US, ONCE_US, Once, Sessions
from muniment.server.access.tokens import USED_EVERY_US, Tokens, Wish
from muniment.server.caller import Caller
from muniment.server.problems import Gone, Unauthenticated
from muniment.server.state_file import StateFile

HOUR_US = 3_600 * 1_000_000
START_US = 1_800_000_000 * 1_000_000


class Clock:
    """A clock that goes where it is told."""

    def __init__(self) -> None:
        self.now = START_US

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[StateFile]:
    opened = store.open(tmp_path / "server")
    yield opened
    opened.close()


@pytest.fixture
def tokens(file: StateFile, clock: Clock) -> Tokens:
    return Tokens(file, clock)


def refused(tokens: Tokens, text: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        tokens.verify(text)
    return caught.value.code


def test_a_token_opens_what_it_was_made_for(tokens: Tokens) -> None:
    wish = Wish(name="CI", scopes=("write", "read"), ledgers=("credit",), environments=("staging",))
    made = tokens.create(wish, by="alice")
    found = tokens.verify(made.token)
    assert found == made.made
    assert found.caller() == Caller(
        kind="token",
        id=found.id,
        scopes=frozenset({"read", "write"}),
        ledgers=frozenset({"credit"}),
        environments=frozenset({"staging"}),
    )
    assert (found.created_by, found.created_at, found.last_used_at) == ("alice", time.format(START_US), None)


def test_the_file_holds_no_secret_and_belongs_to_its_owner(tokens: Tokens, tmp_path: Path) -> None:
    text = tokens.create(Wish(name="CI"), by="alice").token
    secret = text[len("mun_") + 13 :].encode()
    folder = tmp_path / "server"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert secret not in path.read_bytes()


def test_tokens_that_are_none_are_told_apart_only_for_their_holder(tokens: Tokens, clock: Clock) -> None:
    wish = Wish(name="short", expires_at=time.format(START_US + HOUR_US))
    made = tokens.create(wish, by="alice")
    id_ = made.made.id
    assert refused(tokens, "mun_x_y") == "token-malformed"
    assert refused(tokens, made.token + "A") == "token-malformed"
    assert refused(tokens, f"mun_{'0' * 12}_{'A' * 43}") == "token-unknown"
    clock.now += HOUR_US
    assert refused(tokens, made.token) == "token-expired"
    assert refused(tokens, f"mun_{id_}_{'A' * 43}") == "token-unknown"
    tokens.revoke(id_)
    assert refused(tokens, made.token) == "token-revoked"
    assert refused(tokens, f"mun_{id_}_{'A' * 43}") == "token-unknown"


def test_what_was_revoked_stays_as_it_was(tokens: Tokens, clock: Clock) -> None:
    id_ = tokens.create(Wish(name="CI"), by="alice").made.id
    first = tokens.revoke(id_)
    clock.now += HOUR_US
    assert tokens.revoke(id_) == first
    with pytest.raises(NotFound):
        tokens.revoke("0" * 12)


def test_use_is_noted_now_and_then(tokens: Tokens, clock: Clock) -> None:
    text = tokens.create(Wish(name="CI"), by="alice").token
    tokens.note_use(tokens.verify(text))
    first = tokens.verify(text)
    assert first.last_used_at == time.format(START_US)
    clock.now += USED_EVERY_US - 1
    tokens.note_use(first)
    assert tokens.verify(text) == first
    clock.now += 1
    tokens.note_use(first)
    assert tokens.verify(text).last_used_at == time.format(clock.now)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(name=""), "bad-token-name"),
        (Wish(name=" "), "bad-token-name"),
        (Wish(name="a\nb"), "bad-token-name"),
        (Wish(name="a\u2028b"), "bad-token-name"),
        (Wish(name="x" * 65), "bad-token-name"),
        (Wish(name="x", scopes=()), "no-scope"),
        (Wish(name="x", expires_at="tomorrow"), "bad-time"),
        (Wish(name="x", expires_at=time.format(START_US)), "past"),
    ],
)
def test_wishes_that_make_no_sense(tokens: Tokens, wish: Wish, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        tokens.create(wish, by="alice")
    assert caught.value.code == code
    assert tokens.list() == []


def _make_many(folder: Path, number: int) -> None:
    file = store.open(folder)
    for each in range(number):
        Tokens(file).create(Wish(name=f"token {each}"), by="a process")
    file.close()


def test_several_processes_make_the_file_and_use_it_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    them = [context.Process(target=_make_many, args=(tmp_path / "server", 10)) for _ in range(4)]
    for each in them:
        each.start()
    for each in them:
        each.join()
    assert [each.exitcode for each in them] == [0] * 4
    file = store.open(tmp_path / "server")
    assert len(Tokens(file).list()) == 40
    file.close()


def test_another_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / store.FILE).write_bytes(b"no database at all, but long enough to look at" * 40)
    with pytest.raises(CorruptStore):
        store.open(tmp_path)
    (tmp_path / store.FILE).unlink()
    (tmp_path / store.FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        store.open(tmp_path)


ANNA = Caller(kind="oidc", id="https://id.example#anna", scopes=frozenset({"read"}), ledgers=frozenset({"credit"}))


def ended(sessions: Sessions, cookie: str) -> str:
    with pytest.raises(MunimentError) as caught:
        sessions.verify(cookie)
    return caught.value.code


def test_a_session_ends_when_it_is_old_or_idle(file: StateFile, clock: Clock) -> None:
    sessions = Sessions(file, clock)
    cookie = sessions.begin(ANNA)
    found = sessions.verify(cookie)
    assert (found.caller.kind, found.caller.id, found.caller.ledgers) == ("session", ANNA.id, ANNA.ledgers)
    clock.now += IDLE_US
    assert ended(sessions, cookie) == "session-ended"

    cookie, began = sessions.begin(ANNA), clock.now
    while clock.now < began + LIFE_US - HOUR_US:
        clock.now += HOUR_US
        sessions.verify(cookie)
    clock.now = began + LIFE_US
    assert ended(sessions, cookie) == "session-ended"


def test_signing_out_ends_one_session(file: StateFile, clock: Clock) -> None:
    sessions = Sessions(file, clock)
    one, other = sessions.begin(ANNA), sessions.begin(ANNA)
    sessions.end(one)
    assert ended(sessions, one) == "session-ended"
    assert sessions.verify(other).caller.id == ANNA.id


def test_nobody_fills_the_file_by_signing_in(file: StateFile, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muniment.server.access.sessions.MAX_OF_ONE", 3)
    monkeypatch.setattr("muniment.server.access.sessions.MAX_ONCE", 3)
    sessions, once = Sessions(file, clock), Once(file, clock)
    ben = sessions.begin(Caller(kind="token", id="ben"))
    link = once.keep("link", b"1")
    cookies, codes = [], []
    for _ in range(5):
        clock.now += 1
        cookies.append(sessions.begin(ANNA))
        codes.append(once.keep("provider", b"2"))
    assert [ended(sessions, each) for each in cookies[:2]] == ["session-ended"] * 2
    assert [sessions.verify(each).caller.id for each in [*cookies[2:], ben]] == [ANNA.id] * 3 + ["ben"]
    for code in codes[:2]:
        with pytest.raises(Gone):
            once.take("provider", code)
    assert [once.take("provider", each) for each in codes[2:]] == [b"2"] * 3
    assert once.take("link", link) == b"1"


def test_a_session_ends_with_its_token(file: StateFile, tokens: Tokens, clock: Clock) -> None:
    sessions = Sessions(file, clock)
    token = tokens.create(Wish(name="CI"), by="alice").made
    cookie = sessions.begin(token.caller(), token=token.id)
    assert sessions.verify(cookie).caller.id == token.id
    tokens.revoke(token.id)
    assert ended(sessions, cookie) == "token-revoked"


def test_a_code_works_once_and_for_its_purpose(file: StateFile, clock: Clock) -> None:
    once = Once(file, clock)
    code = once.keep("link", b'"body"')
    for purpose, secret in (("provider", code), ("link", code[:-1])):
        with pytest.raises(Gone):
            once.take(purpose, secret)
    assert once.take("link", code) == b'"body"'
    with pytest.raises(Gone):
        once.take("link", code)
    late = once.keep("link", b'"body"')
    clock.now += ONCE_US
    with pytest.raises(Gone):
        once.take("link", late)
