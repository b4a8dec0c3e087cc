"""Promise: where a server forges, the page says which step failed and with which code, and never that anything is verified.

The visitor has a real browser; the server is the whole one, with a liar before it, or over a ledger that its operator forged with
the ledger's own key. What is handed out is verified without the server too: by the command, and by a page opened from a file.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

import exploring
import lying
from commanding import Machine
from exploring import ORIGIN, PLACE, Site, Story
from muniment.cli.demo import tampering
from muniment.client import opening
from muniment.client.home import Home
from muniment.core.format import dsse, keys
from muniment.core.format import time as times
from muniment.core.format.encoding import Value
from muniment.core.format.statement import SALT_BYTES, seal
from muniment.core.rules import events
from muniment.ledger import signers
from muniment.ledger.embedded import Embedded, system_clock
from muniment.ledger.ids import new_event_id
from muniment.ledger.store.file import Store
from muniment.server.explorer import bundle_page

Edit = Callable[[dict[str, Any]], None]


class Served(NamedTuple):
    """A server, and the liar before it."""

    site: Site
    liar: lying.Liar


@pytest.fixture(scope="module")
def served(story: Story, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    liars: list[lying.Liar] = []

    def wrap(app: Any) -> lying.Liar:
        liars.append(lying.Liar(app))
        return liars[0]

    with exploring.serve(story.home, tmp_path_factory.mktemp("server"), browser, wrap=wrap) as site:
        yield Served(site, liars[0])


@pytest.fixture
def page(served: Served, browser: Browser) -> Iterator[Page]:
    served.liar.lie = lying.honest
    with exploring.visit(browser, served.site) as found:
        yield found


def verify(page: Page, path: str) -> None:
    """Press the button of the box and wait for what comes of it."""
    page.goto(path)
    page.get_by_role("button", name="Verify in this browser").click()
    expect(page.locator("section.verify[aria-busy]")).to_have_count(0)


def expect_verified(page: Page, path: str) -> None:
    verify(page, path)
    expect(page.locator("section.verify .state")).to_have_text("Verified by your browser.")
    expect(page.locator("section.verify .steps .badge.bad")).to_have_count(0)


def expect_failure(page: Page, path: str, step: int, code: str) -> None:
    """The box names the step and the code, once, and nothing on the page says that something is verified."""
    verify(page, path)
    box = page.locator("section.verify")
    expect(box.locator(".state")).to_contain_text(f"Not verified: step {step} fails")
    failing = box.locator(".steps li", has=page.locator(".badge.bad"))
    expect(failing).to_have_count(1)
    assert failing.get_attribute("value") == str(step)
    expect(failing).to_contain_text(f"({code})")
    expect(box.locator(".told")).to_contain_text(f"Code: {code}")
    assert "good" not in (box.get_attribute("class") or "")
    assert "Verified" not in page.locator("body").inner_text()


def flip(text: str, at: int) -> str:
    """Another base64 digit in one place."""
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def forge_log_signature(answer: dict[str, Any]) -> None:
    head, _, line = answer["receipt"].rstrip("\n").rpartition(" ")
    answer["receipt"] = f"{head} {flip(line, len(line) // 2)}\n"


def forge_root(answer: dict[str, Any]) -> None:
    lines = answer["receipt"].split("\n")
    lines[lines.index(ORIGIN) + 2] = "A" * 43 + "="
    answer["receipt"] = "\n".join(lines)


def forge_entry(answer: dict[str, Any]) -> None:
    first = answer["entries"][0]
    first["entry"] = flip(first["entry"], 200)


def forge_proof(answer: dict[str, Any]) -> None:
    first = answer["entries"][0]
    first["proof"][0] = flip(first["proof"][0], 20)


def forge_genesis(answer: dict[str, Any]) -> None:
    answer["genesis"][0] = flip(answer["genesis"][0], 20)


def forge_record(answer: dict[str, Any]) -> None:
    next(each["value"] for each in answer["states"] if "value" in each)["head"] = "0" * 64


def forge_state_proof(answer: dict[str, Any]) -> None:
    siblings = next(each["siblings"] for each in answer["states"] if each["siblings"])
    siblings[0] = flip(siblings[0], 20)


def hide_newest_header(answer: dict[str, Any]) -> None:
    answer["entries"].pop()


def forge_result(answer: dict[str, Any]) -> None:
    answer["result"]["height"] += 1


def forge_reason(answer: dict[str, Any]) -> None:
    answer["disclosures"][0]["value"] = "Nobody ever said this."


FORGED: dict[str, tuple[Edit, int, str]] = {
    "genesis": (forge_genesis, 2, "genesis"),
    "signature of the ledger": (forge_log_signature, 3, "log-signature"),
    "root": (forge_root, 3, "log-signature"),
    "entry": (forge_entry, 7, "inclusion-root"),
    "inclusion proof": (forge_proof, 7, "inclusion-root"),
    "old state in the place of the newest": (hide_newest_header, 8, "header-last"),
    "record": (forge_record, 11, "state-root"),
    "state proof": (forge_state_proof, 11, "state-root"),
    "result": (forge_result, 11, "result"),
}


def forging(edit: Edit) -> lying.Lie:
    """Edits every answer file that the server hands out."""

    def lie(asked: str, said: lying.Said) -> lying.Said:
        if not asked.startswith(("/v1/prove", "/v1/at", "/v1/history")) or said.status != 200:
            return said
        answer = json.loads(said.body)
        edit(answer)
        raw = json.dumps(answer, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        return said._replace(body=raw.encode())

    return lie


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_answer_names_its_step(page: Page, served: Served, name: str) -> None:
    edit, step, code = FORGED[name]
    served.liar.lie = forging(edit)
    expect_failure(page, "/entries/1", step, code)
    # Nothing of a server that forges is remembered; the honest one is believed afterwards.
    assert page.evaluate("localStorage.length") == 0
    served.liar.lie = lying.honest
    expect_verified(page, "/entries/1")


def test_a_forged_day_is_noticed(page: Page, served: Served, story: Story) -> None:
    path = f"/environments/{PLACE}?day={story.promoted}"
    expect_verified(page, path)
    served.liar.lie = forging(forge_state_proof)
    expect_failure(page, path, 11, "state-root")


def test_forged_words_are_noticed(page: Page, served: Served, story: Story) -> None:
    """What was sealed and is opened here is what was signed."""
    path = f"/entries/{story.incident.index}"
    expect_verified(page, path)
    served.liar.lie = forging(forge_reason)
    expect_failure(page, path, 12, "disclosure")


def test_another_question_s_answer_is_noticed_by_the_reader(page: Page, served: Served) -> None:
    """A genuine answer about something else holds, and says what it is about: the page's claim is not repeated."""
    genuine = page.request.get("/v1/prove", params={"thing": "entry/3"}).body()
    served.liar.lie = lying.replace("/v1/prove", genuine)
    verify(page, "/entries/1")
    expect(page.locator("section.verify .told")).to_contain_text("Entry 3 of")


def test_a_server_that_answers_nonsense_verifies_nothing(page: Page, served: Served) -> None:
    served.liar.lie = lying.replace("/v1/prove", b"{}")
    verify(page, "/entries/1")
    expect(page.locator("section.verify .state")).to_contain_text("Not verified: step 1 fails")
    served.liar.lie = lying.change("/v1/ledger", lambda about: {**about, "trust": "nothing"})
    verify(page, "/entries/1")
    expect(page.locator("section.verify.bad .state")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0


class Returning:
    """A visitor with one browser, who comes back to the same address; what is served there is the operator's business.

    `port` is kept for the servers, so that nobody else is given it between two visits.
    """

    def __init__(self, browser: Browser, folder: Path, port: int) -> None:
        self._browser = browser
        self._folder = folder
        self._port = port
        self._visits = 0
        self._memory: Any = {}

    @contextmanager
    def visit(self, home: Path) -> Iterator[Page]:
        """A visit while the ledger of a folder is served; what the browser remembers lasts."""
        self._visits += 1
        state = self._folder / f"server-{self._visits}"
        with exploring.serve(home, state, self._browser, port=self._port) as site:
            memory = {**self._memory, "cookies": site.cookies["cookies"]}
            with self._browser.new_context(base_url=site.url, storage_state=memory) as context:
                context.set_default_timeout(exploring.PATIENCE_MS)
                yield context.new_page()
                self._memory = context.storage_state()


@pytest.fixture
def returning(browser: Browser, tmp_path: Path) -> Iterator[Returning]:
    with socket.socket() as kept:
        # Bound and not listened at: a server may share it, and nobody is given it as a free one.
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield Returning(browser, tmp_path, kept.getsockname()[1])


def copy_home(story: Story, folder: Path) -> Home:
    """A copy of the ledger with all its keys, as its operator has it."""
    shutil.copytree(story.home, folder, ignore=shutil.ignore_patterns("index.db*", "server"))
    return Home(folder)


def sign(story: Story, home: Home, event: str, **fields: Value) -> dsse.Envelope:
    """An event in alice's name, with her key."""
    ledger = story.trust.split('ledger = "')[1][:64]
    common: dict[str, Value] = {
        "ledger": ledger,
        "eventId": new_event_id(),
        "occurredAt": times.format(system_clock()),
        "actor": "alice",
    }
    return dsse.sign(events.encode(events.build(event, {**common, **fields})), signers.load_file(home.actor_key("alice")))


def note(story: Story, home: Home) -> bytes:
    """A signed note that says nothing."""
    text: Value = {"sealed": seal("Nothing.", os.urandom(SALT_BYTES)).sealed}
    return dsse.encode(sign(story, home, "note.added", about=["model/credit-risk"], text=text))


def append(home: Home, raw: bytes) -> int:
    """Let the operator's own software take an event; its index."""
    engine = Embedded(Store.open(home.store), signers.load_file(home.log_key))
    try:
        (verdict,) = engine.append([raw])
    finally:
        engine.close()
    assert verdict.index is not None
    return verdict.index


def test_a_ledger_that_grew_verifies_and_its_truncated_tail_is_caught(returning: Returning, story: Story, tmp_path: Path) -> None:
    home = copy_home(story, tmp_path / "grown")
    append(home, note(story, home))
    with returning.visit(story.home) as page:
        expect_verified(page, "/entries/1")
        expect(page.locator("section.verify .told")).to_contain_text("This was the first contact")
    with returning.visit(home.folder) as page:
        expect_verified(page, "/entries/1")
        expect(page.locator("section.verify .told")).to_contain_text("It continues what this client saw")
    with returning.visit(story.home) as page:
        expect_failure(page, "/entries/1", 5, "split-view-rollback")
        expect(page.get_by_role("link", name="Save the evidence")).to_be_visible()


def test_a_rewritten_history_and_another_ledger_of_the_same_name_are_caught(
    returning: Returning, story: Story, tmp_path: Path
) -> None:
    """The operator leaves a warning out, and signs everything anew: flawless by itself, and not what this visitor saw."""
    source, target = Home(story.home), Home(tmp_path / "rewritten")
    target.folder.mkdir()
    for name in ("trust.toml", "vault.jsonl"):
        shutil.copyfile(source.folder / name, target.folder / name)
    shutil.copytree(source.folder / "keys", target.folder / "keys")
    tampering.rewrite(source, target, leave_out={story.warning.index}, padding=note(story, source))
    file = tmp_path / "evidence.json"
    with returning.visit(story.home) as page:
        expect_verified(page, "/entries/1")
    with returning.visit(target.folder) as page:
        expect_failure(page, "/entries/1", 5, "split-view-same-size")
        with page.expect_download() as download:
            page.get_by_role("link", name="Save the evidence").click()
        download.value.save_as(file)
    # Anybody who has the trust file can check it.
    said = Machine().call("verify", str(file), "--trust", str(source.trust))
    assert (said.code, json.loads(file.read_text())["format"]) == (0, "urn:muniment:evidence:v1"), said.err
    with exploring.alone(tmp_path), opening.init(tmp_path / "other", origin=ORIGIN, actor="alice") as ledger:
        ledger.record("system.registered", {"name": "other", "operatorRole": "provider"})
    with returning.visit(tmp_path / "other") as page:
        expect_failure(page, "/entries/1", 3, "log-key-unknown")


def test_a_forged_signature_under_a_genuine_root_is_caught(
    browser: Browser, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's own software takes anything: an entry that nobody signed lies in the tree, under the ledger's signature."""
    home = copy_home(story, tmp_path / "lenient")
    envelope = sign(story, home, "system.registered", name="forged", operatorRole="provider")
    monkeypatch.setattr(keys, "is_valid", lambda *_: True)
    index = append(home, dsse.encode(dsse.Envelope(envelope.payload, envelope.key, bytes(64))))
    with exploring.serve(home.folder, tmp_path / "server", browser) as site, exploring.visit(browser, site) as page:
        expect_failure(page, f"/entries/{index}", 9, "signature")
        expect_verified(page, "/entries/1")


# What leaves the server, verified without it.


def test_a_downloaded_answer_verifies_with_the_command(page: Page, story: Story, tmp_path: Path) -> None:
    page.goto(f"/environments/{PLACE}?day={story.promoted}")
    with page.expect_download() as download:
        page.get_by_role("link", name="The answer with its proof").first.click()
    file, trust = tmp_path / "answer.json", tmp_path / "trust.toml"
    download.value.save_as(file)
    trust.write_text(story.trust)
    said = Machine().call("verify", str(file), "--trust", str(trust))
    assert said.code == 0, said.err
    assert "credit-risk@1" in said.out
    file.write_bytes(file.read_bytes().replace(b'"height":', b'"height":1', 1))
    assert Machine().call("verify", str(file), "--trust", str(trust)).code == 3


def test_a_bundle_s_page_verifies_from_a_file_and_a_forged_one_does_not(browser: Browser, story: Story, tmp_path: Path) -> None:
    with exploring.alone(story.folder), opening.open(story.home, actor="alice") as ledger:
        raw = ledger.bundle("credit-risk@1", disclose=True).raw
    genuine, forged = tmp_path / "bundle.html", tmp_path / "forged.html"
    genuine.write_text(bundle_page.write(raw, "credit-risk@1"))
    assert b'"decision":"approve"' in raw
    forged.write_text(bundle_page.write(raw.replace(b'"decision":"approve"', b'"decision":"reject"', 1), "credit-risk@1"))
    with browser.new_context(offline=True) as context:
        context.set_default_timeout(exploring.PATIENCE_MS)
        alone = context.new_page()
        alone.goto(genuine.as_uri())
        alone.get_by_role("button", name="Use the trust file in this page").click()
        expect(alone.locator("#state")).to_contain_text("Verified by your browser")
        alone.goto(forged.as_uri())
        alone.get_by_role("button", name="Use the trust file in this page").click()
        expect(alone.locator("#state")).to_contain_text("Not verified: step")
