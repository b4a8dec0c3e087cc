"""The boxes of the pages, and a bundle's page, in a real Chromium: what holds is verified, what was forged names its step."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

import credit
import serving
from exploring import PATIENCE_MS
from muniment.client import opening
from muniment.core.proof import trust as trusts
from muniment.ledger.pins import fingerprint
from muniment.server.explorer import bundle_page
from serving import Server

ORIGIN = "example.com/credit"
FORGED = {
    "a forged signature of the ledger": ("receipt", 3, "log-signature"),
    "a changed entry": ("entry", 7, "inclusion-root"),
    "a changed record": ("record", 11, "state-root"),
    "another root": ("root", 3, "log-signature"),
    "an old state": ("old", 8, "header-last"),
    "another result": ("result", 11, "result"),
}
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, bytes, str]]:
    """A ledger with a short life, a bundle of it, and its trust file."""
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.chdir(folder)
        with opening.init(folder / "ledger", origin=ORIGIN, actor="alice") as ledger:
            credit.live(ledger, folder)
            raw = ledger.bundle("credit-risk@1", disclose=True).raw
        yield folder / "ledger", raw, json.loads(raw)["trust"]


@pytest.fixture(scope="module")
def server(lived: tuple[Path, bytes, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving.running(lived[0], state=tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("MUNIMENT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "the pages are tested in Chromium: install it, or name it in MUNIMENT_CHROMIUM"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"], timeout=2 * PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    with browser.new_context(base_url=server.url, extra_http_headers=server.headers) as context:
        context.set_default_timeout(PATIENCE_MS)
        found = context.new_page()
        complaints: list[str] = []
        found.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        found.on("pageerror", lambda error: complaints.append(str(error)))
        yield found
        assert complaints == []


def verify(page: Page, path: str = "/entries/1") -> None:
    page.goto(path)
    page.get_by_role("button", name="Verify in this browser").first.click()


def state(page: Page) -> Any:
    return page.locator("section.verify .state").first


def test_what_holds_is_verified(page: Page) -> None:
    page.goto("/entries/1")
    expect(state(page)).to_have_text("Nothing on this page has been verified yet.")
    verify(page)
    expect(state(page)).to_have_text("Verified by your browser.")
    steps = page.locator("section.verify .steps li")
    assert [int(item.get_attribute("value") or 0) for item in steps.all()] == list(range(1, 14))
    told = page.locator("section.verify .told")
    expect(told).to_contain_text("Entry 1 of example.com/credit")
    expect(told).to_contain_text("not that what was said is true")
    expect(told).to_contain_text("This was the first contact")
    verify(page)
    expect(state(page)).to_have_text("Verified by your browser.")
    expect(told).to_contain_text("It is what this client saw last.")
    expect(told).not_to_contain_text("first contact")


def change_answer(kind: str) -> Change:
    def change(answer: dict[str, Any]) -> None:
        if kind == "receipt":
            head, _, line = answer["receipt"].rstrip("\n").rpartition(" ")
            middle = len(line) // 2
            answer["receipt"] = f"{head} {line[:middle]}{'A' if line[middle] != 'A' else 'B'}{line[middle + 1 :]}\n"
        elif kind == "entry":
            first = answer["entries"][0]
            first["entry"] = first["entry"][:200] + ("A" if first["entry"][200] != "A" else "B") + first["entry"][201:]
        elif kind == "record":
            record = next(each["value"] for each in answer["states"] if "value" in each)
            record["head"] = "0" * 64
        elif kind == "root":
            lines = answer["receipt"].split("\n")
            at = lines.index(ORIGIN) + 2
            lines[at] = "A" * 43 + "="
            answer["receipt"] = "\n".join(lines)
        elif kind == "old":
            answer["entries"].pop()
        else:
            answer["result"]["height"] += 1

    return change


@pytest.mark.parametrize("name", FORGED)
def test_what_was_forged_names_its_step(page: Page, name: str) -> None:
    kind, step, code = FORGED[name]

    def forge(route: Route) -> None:
        answer = route.fetch().json()
        change_answer(kind)(answer)
        raw = json.dumps(answer, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        route.fulfill(body=raw, content_type="application/json")

    page.goto("/entries/1")
    address = page.locator("section.verify").first.get_attribute("data-answer")
    assert address
    # The script may ask for the same answer with the prose opened.
    page.route(lambda url: address in url, forge)
    verify(page)
    expect(state(page)).to_contain_text(f"Not verified: step {step} fails")
    failing = page.locator("section.verify .steps .badge.bad")
    expect(failing).to_have_count(1)
    expect(failing.locator("..")).to_have_attribute("value", str(step))
    expect(page.locator("section.verify .told")).to_contain_text(f"Code: {code}")
    assert page.evaluate("localStorage.length") == 0, "what does not hold is not remembered"


def test_the_fingerprint_is_that_of_the_trust_file_and_not_what_the_server_says_it_is(
    page: Page, lived: tuple[Path, bytes, str]
) -> None:
    """Else the owner's fingerprint could stand beside a trust file with the server's own keys."""

    def lie(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"fingerprint": "0123456789abcdef-0123456789abcdef"})

    page.route(lambda url: url.endswith("/v1/ledger"), lie)
    verify(page)
    told = page.locator("section.verify .told").first
    expect(told).to_contain_text(fingerprint(trusts.parse(lived[2])))
    expect(told).not_to_contain_text("0123456789abcdef")
    expect(told).to_contain_text("The rest of the page is the server's word")


def test_two_histories_are_kept_as_evidence(page: Page) -> None:
    verify(page)
    expect(state(page)).to_have_text("Verified by your browser.")
    page.evaluate(
        """origin => {
            const memory = JSON.parse(localStorage.getItem("muniment:" + origin));
            const lines = memory.pin.split("\\n");
            lines[2] = "A".repeat(43) + "=";
            localStorage.setItem("muniment:" + origin, JSON.stringify({ ...memory, pin: lines.join("\\n") }));
        }""",
        ORIGIN,
    )
    verify(page)
    expect(state(page)).to_contain_text("step 5 fails")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the evidence").click()
    evidence = json.loads(Path(download.value.path()).read_text())
    assert (evidence["format"], evidence["kind"]) == ("urn:muniment:evidence:v1", "same-size")


def test_a_dropped_bundle_is_verified(page: Page, lived: tuple[Path, bytes, str], tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    file.write_bytes(lived[1])
    page.goto("/verify")
    page.set_input_files("input[type=file]", file)
    expect(state(page)).to_have_text("Verified by your browser.")
    expect(page.locator("section.verify .told")).to_contain_text("proofs hold, under one history")
    other = tmp_path / "other.json"
    other.write_text("nothing of ours")
    page.set_input_files("input[type=file]", other)
    expect(state(page)).to_contain_text("Not verified: step 1 fails")


@pytest.fixture
def alone(browser: Browser) -> Iterator[Page]:
    """A page without any network."""
    with browser.new_context(offline=True) as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


def write_page(lived: tuple[Path, bytes, str], folder: Path, raw: bytes | None = None) -> str:
    file = folder / "bundle.html"
    file.write_text(bundle_page.write(raw or lived[1], "credit-risk@1 </script><b>"), encoding="utf-8")
    return file.as_uri()


def test_the_page_of_a_bundle_verifies_itself(alone: Page, lived: tuple[Path, bytes, str], tmp_path: Path) -> None:
    alone.goto(write_page(lived, tmp_path))
    expect(alone.locator("#state")).to_have_text("Nothing on this page has been verified yet.")
    expect(alone.locator("h1")).to_have_text("What is recorded of credit-risk@1 </script><b>")
    expect(alone.locator("#fingerprint")).to_contain_text("-")
    alone.get_by_role("button", name="Use the trust file in this page").click()
    expect(alone.locator("#state")).to_contain_text("Verified by your browser, with the trust file that came with it")
    expect(alone.locator("#told")).to_contain_text("proofs hold, under one history")
    assert alone.locator("#told details").count() == len(json.loads(lived[1])["answers"])
    with alone.expect_download() as download:
        alone.get_by_role("link", name="Save the bundle").click()
    assert Path(download.value.path()).read_bytes() == lived[1]


def test_the_page_of_a_bundle_takes_the_reader_s_trust_file(alone: Page, lived: tuple[Path, bytes, str], tmp_path: Path) -> None:
    alone.goto(write_page(lived, tmp_path))
    own = tmp_path / "trust.toml"
    own.write_text(lived[2])
    alone.set_input_files("#trust", own)
    expect(alone.locator("#state")).to_have_text("Verified by your browser, with the trust file that you chose.")
    ledger = lived[2].split('ledger = "')[1][:64]
    own.write_text(lived[2].replace(ledger, "0" * 64))
    alone.set_input_files("#trust", [])
    alone.set_input_files("#trust", own)
    expect(alone.locator("#state")).to_contain_text("Not verified: step 2 fails")


def test_a_forged_page_says_so(alone: Page, lived: tuple[Path, bytes, str], tmp_path: Path) -> None:
    forged = lived[1].replace(b'"height":', b'"height":1', 1)
    alone.goto(write_page(lived, tmp_path, forged))
    alone.get_by_role("button", name="Use the trust file in this page").click()
    expect(alone.locator("#state")).to_contain_text("Not verified: step")


def test_a_browser_without_ed25519_says_so_and_does_nothing(page: Page) -> None:
    page.add_init_script("SubtleCrypto.prototype.importKey = async () => { throw new DOMException('no', 'NotSupportedError'); }")
    verify(page)
    expect(state(page)).to_have_text("This browser cannot check Ed25519 signatures, so nothing was verified.")
    assert page.locator("section.verify .steps li").count() == 0
    expect(page.locator("section.verify .told")).to_contain_text("muniment verify FILE")
