"""Badges and note threads: what they say, to whom, and what their addresses are worth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

import credit
import serving
from muniment.client import opening
from muniment.client.ledger import Ledger
from muniment.errors import NotFound
from muniment.server import badge_drawing, badges, notes

SVG = "{http://www.w3.org/2000/svg}"


class Story(NamedTuple):
    """A server over a ledger with a short life, and a ledger to write to it."""

    server: serving.Server
    ledger: Ledger
    lived: credit.Lived

    def text(self, path: str, **headers: str) -> str:
        """What the badge at a path says, as it is read aloud."""
        found = self.server.get(f"/badges/{path}", **headers)
        assert found.status == 200, found.data
        return ElementTree.fromstring(found.data).findtext(f"{SVG}title") or ""

    @property
    def hosted(self) -> badges.Hosted:
        return self.server.hosting.by_name[""]


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)
    with opening.init(origin="example.com/credit", actor="alice") as ledger:
        lived = credit.live(ledger, tmp_path)
        with serving.running(
            ledger.home, state=tmp_path / "state", caller="read", writes=False, url="https://ledger.example.com"
        ) as server:
            yield Story(server, ledger, lived)


def test_what_they_say(story: Story) -> None:
    first, second = story.lived.first.digest, story.lived.second.digest
    assert story.text(f"versions/{first}.svg") == "credit-risk@1: approved for production by 1"
    assert story.text("models/credit-risk/1.svg") == "credit-risk@1: approved for production by 1"
    assert story.text("models/credit-risk/1.svg?environment=staging") == "credit-risk@1: recorded"
    assert story.text(f"versions/{second}.svg") == "credit-risk@2: recorded"
    said = story.text("deployments/production/credit-risk.svg")
    assert re.fullmatch(r"production/credit-risk: runs credit-risk@2 since \d{4}-\d\d-\d\d", said)
    story.ledger.approve(story.lived.second, "production", decision="reject", reason="no")
    assert story.text(f"versions/{second}.svg") == "credit-risk@2: rejected for production"
    story.ledger.hold(story.lived.first, severity="high", reason="it fails")
    assert story.text(f"versions/{first}.svg") == "credit-risk@1: held"


def test_nothing_ever_says_verified(story: Story) -> None:
    for path in (f"versions/{story.lived.first.digest}.svg", "deployments/production/credit-risk.svg"):
        assert b"erifi" not in story.server.get(f"/badges/{path}").data


@pytest.mark.parametrize(
    "path",
    [
        "versions/" + "0" * 64 + ".svg",
        "versions/loans.svg",
        "models/credit-risk/3.svg",
        "models/credit-risk/01.svg",
        "models/nothing/1.svg",
        "models/1.svg",
        "deployments/production/nothing.svg",
        "deployments/production.svg",
        "models/credit-risk/1",
        "models/credit-risk/1.png",
        "x.svg",
    ],
)
def test_what_is_not_there(story: Story, path: str) -> None:
    assert story.server.get(f"/badges/{path}").status == 404


def test_private_but_for_its_own_key(story: Story) -> None:
    path = f"versions/{story.lived.first.digest}"
    assert story.server.get(f"/badges/{path}.svg", authorization="").status == 401
    key = badges.make_key(story.server.settings.state, story.hosted, path, "production")
    opened = story.server.get(f"/badges/{path}.svg?key={key}", authorization="")
    assert (opened.status, opened.headers["cache-control"]) == (200, "public, max-age=60")
    for other in (
        f"versions/{story.lived.second.digest}.svg?key={key}",
        f"{path}.svg?key={key}&environment=staging",
        f"{path}.svg?key={key[:-1]}",
        f"{path}.svg?key={'0' * 32}",
        f"{path}.svg?key=%C3%A9",
        f"{path}.svg?key=",
        "models/credit-risk/1.svg?key=" + key,
        "nothing.svg",
    ):
        assert story.server.get(f"/badges/{other}", authorization="").status == 401, other
    assert (story.server.settings.state / badges.KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert badges.make_key(story.server.settings.state, story.hosted, path, "production") == key


def test_caches(story: Story) -> None:
    path = f"/badges/versions/{story.lived.first.digest}.svg"
    found = story.server.get(path)
    assert found.headers["content-type"] == "image/svg+xml"
    assert found.headers["cache-control"] == "private, max-age=60"
    assert story.server.get(path, if_none_match=found.headers["etag"]).status == 304


def test_snippet(story: Story) -> None:
    stream = f"version/{story.lived.first.digest}"
    text = badges.snippet(story.server.settings, story.hosted, stream)
    image, page, proof = re.fullmatch(r"\[!\[credit-risk@1\]\((.*)\)\]\((.*)\) \(\[proof\]\((.*)\)\)", text).groups()  # type: ignore[union-attr]
    assert page == f"https://ledger.example.com/versions/{story.lived.first.digest}"
    assert proof == f"https://ledger.example.com/v1/prove?thing=version%2F{story.lived.first.digest}"
    assert story.server.get(image.removeprefix("https://ledger.example.com"), authorization="").status == 200
    running = badges.snippet(story.server.settings, story.hosted, "deployment/production/credit-risk")
    found = re.search(r"https://ledger.example.com(/badges/deployments/[^)]*)", running)
    assert found is not None
    assert story.server.get(found[1], authorization="").status == 200
    with pytest.raises(NotFound):
        badges.snippet(story.server.settings, story.hosted, "version/" + "0" * 64)


def test_the_drawing_is_whole_and_needs_nothing_else() -> None:
    drawn = badge_drawing.draw('<a>&"' + "x" * 100, "held", "bad", 'https://e.com/?a=1&b="')
    tree = ElementTree.fromstring(drawn)
    assert tree.attrib["role"] == "img"
    assert tree.findtext(f"{SVG}title", "").startswith('<a>&"x')
    assert tree.findtext(f"{SVG}desc") == 'As the ledger says; the proof is at https://e.com/?a=1&b="'
    shown = [each.text or "" for each in tree.iter(f"{SVG}text")]
    assert len(shown[0]) == badge_drawing.MAX_CHARACTERS
    assert shown[1] == "held"
    for forbidden in (b"href", b"<style", b"<script", b"url(", b"style="):
        assert forbidden not in drawn
    assert {each.tag for each in tree.iter()} == {
        f"{SVG}{name}" for name in ("svg", "title", "desc", "rect", "path", "circle", "text")
    }


def test_notes_are_a_thread(story: Story) -> None:
    stream = f"version/{story.lived.first.digest}"
    said = ["first words", "second words", "third words"]
    for text in said:
        story.ledger.note("credit-risk@1", text)
    story.ledger.note("credit-risk", "about the model")
    thread = notes.read_thread(story.hosted, stream)
    assert thread.stream == stream
    assert [each.text for each in thread.items] == said
    assert {each.actor for each in thread.items} == {"alice"}
    assert [each.index for each in thread.items] == sorted(each.index for each in thread.items)
    answer = story.server.get("/v1/notes?of=credit-risk@1&limit=2")
    assert answer.status == 200
    body = answer.json()
    assert [each["text"] for each in body["items"]] == said[1:]
    earlier = story.server.get(f"/v1/notes?of=credit-risk@1&limit=2&cursor={body['next']}").json()
    assert ([each["text"] for each in earlier["items"]], earlier["next"]) == (said[:1], None)
    assert [each["text"] for each in story.server.get("/v1/notes?of=model/credit-risk").json()["items"]] == ["about the model"]
    assert story.server.get("/v1/notes?of=nothing-of-this-name").status == 404
    assert story.server.get("/v1/notes?of=credit-risk", authorization="").status == 401


def test_a_note_whose_words_are_not_here(story: Story) -> None:
    story.ledger.note("credit-risk@1", "gone")
    (story.ledger.home / "vault.jsonl").write_text("")
    (note,) = notes.read_thread(story.hosted, "credit-risk@1").items
    assert note.text is None


def test_notes_on_an_incident(story: Story) -> None:
    held = story.ledger.hold(story.lived.first, severity="high", reason="it fails")
    story.ledger.note(f"incident/{held.event_id}", "we look at it")
    (note,) = notes.read_thread(story.hosted, f"incident/{held.event_id}").items
    assert note.text == "we look at it"
