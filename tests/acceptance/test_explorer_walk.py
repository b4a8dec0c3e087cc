"""Promise: a newcomer finds out in three clicks who approved what ran on that day, and finds everything else by one search box.

In a real Chromium, over the whole server. Pictures of the walk are kept in $MUNIMENT_SCREENSHOTS, else in pytest's own folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, expect

import exploring
from exploring import PLACE, REASON, Site, Story
from muniment.client import opening
from muniment.core.format import digest as digests

MAX_CLICKS = 3
MAX_FIRST_BYTES = 60_000
MIN_PAGES = 100
# What a person clicks, the browser counts itself.
_COUNT = """addEventListener("click", event => {
    if (event.isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, true)"""


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with exploring.visit(browser, site) as found:
        yield found


@pytest.fixture(scope="module")
def pictures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where pictures are kept; said at the end."""
    named = os.environ.get("MUNIMENT_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\nPictures of the walk: {folder}")


def test_three_clicks_to_who_approved_what_ran_on_that_day(page: Page, story: Story, pictures: Path) -> None:
    page.add_init_script(_COUNT)
    page.goto("/")
    page.screenshot(path=pictures / "1-overview.png", full_page=True)
    page.get_by_role("table", name="What runs where").get_by_role("link", name="credit-risk", exact=True).click()
    page.get_by_label("Day (UTC)").fill(story.promoted)
    page.screenshot(path=pictures / "2-deployment.png", full_page=True)
    page.get_by_role("button", name="What ran then?").click()
    expect(page.locator("main")).to_contain_text(
        f"On {story.promoted} (UTC) {PLACE} ran credit-risk@1, then credit-risk@2, then credit-risk@1"
    )
    replaced = page.get_by_role("article", name="credit-risk@2")
    expect(replaced).to_contain_text("boris (approver) approved it for production")
    expect(replaced).to_contain_text("Better in every slice.")
    expect(replaced).to_contain_text("alice deployed it (promote")
    expect(page.get_by_role("article", name="credit-risk@1").first).to_contain_text(REASON)
    page.screenshot(path=pictures / "3-that-day.png", full_page=True)
    page.get_by_role("button", name="Verify in this browser").click()
    expect(page.locator("section.verify .state")).to_have_text("Verified by your browser.")
    expect(page.locator("section.verify .told")).to_contain_text(PLACE)
    page.screenshot(path=pictures / "4-verified.png", full_page=True)
    assert int(page.evaluate("sessionStorage.clicks")) <= MAX_CLICKS


def test_a_day_before_anything_ran_says_so(page: Page) -> None:
    page.goto(f"/environments/{PLACE}?day=2026-03-01")
    expect(page.locator("main")).to_contain_text("Nothing ran here on 2026-03-01")


def find(page: Page, text: str) -> None:
    """Search as a person at a keyboard does."""
    page.goto("/policy")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith("/policy"))


def test_one_search_box_finds_everything(page: Page, story: Story) -> None:
    for text, path in {
        story.first.digest[:8]: "/models/credit-risk/1",
        story.second.digest: "/models/credit-risk/2",
        "credit-risk@3": "/models/credit-risk/3",
        "credit-risk": "/models/credit-risk",
        "loans@1": f"/data/{story.data.digest}",
        "loans": "/datasets/loans",
        PLACE: f"/environments/{PLACE}",
        "boris": "/actors/boris",
        "12": "/entries/12",
        f"entry/{story.incident.index}": f"/entries/{story.incident.index}",
        story.run: f"/runs/{story.run}",
        story.commit: f"/runs/{story.run}",
        story.commit[:8]: f"/runs/{story.run}",
        story.incident.event_id: f"/incidents/{story.incident.event_id}",
    }.items():
        find(page, text)
        assert urlsplit(page.url).path == path, text


def test_what_nobody_knows_is_said_with_a_way_on(page: Page) -> None:
    find(page, "credit")
    expect(page.get_by_role("link", name="credit-risk", exact=True).first).to_be_visible()
    find(page, "0" * 64)
    expect(page.locator("main")).to_contain_text("Nothing in this ledger goes by that.")


def drop(page: Page, name: str, content: str) -> None:
    """Drop a file on the page."""
    transfer = page.evaluate_handle(
        "([name, content]) => { const it = new DataTransfer(); it.items.add(new File([content], name)); return it; }",
        [name, content],
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})


def test_a_dropped_file_is_hashed_in_the_page(page: Page, story: Story) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url} {request.post_data or ''}"))
    page.goto("/search")
    drop(page, story.lines.name, story.lines.read_text())
    page.wait_for_url(f"**/data/{story.data.digest}")
    page.goto("/search")
    page.set_input_files("#drop-file", {"name": "mine.csv", "mimeType": "text/csv", "buffer": b"a secret"})
    expect(page.locator("main")).to_contain_text("Nothing in this ledger goes by that.")
    assert any(digests.sha256(b"a secret").hex() in each for each in sent)
    assert not [each for each in sent if not each.startswith("GET ") or "a%20secret" in each or "amount" in each], (
        "a file left the machine"
    )


def test_rows_of_tables_are_reached_by_keys(page: Page) -> None:
    page.goto("/models")
    for key, name in (("j", "credit-risk"), ("j", "team/fraud"), ("j", "team/fraud"), ("k", "credit-risk")):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.textContent") == name
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/credit-risk")


def said(item: Locator) -> str:
    """What a block of the list says, without the times that go on."""
    return re.sub(r"\s+", " ", re.sub(r"\([^)]*\)", "", item.inner_text())).strip()


def test_a_new_block_appears_by_itself(page: Page, story: Story) -> None:
    page.goto("/")
    expect(page.locator("#live-state")).to_have_text("New ones appear here by themselves.")
    before = int(page.locator("#live-size").inner_text())
    with exploring.alone(story.folder), opening.open(story.home, actor="boris") as boris:
        boris.note("model/credit-risk", "Somebody should look at this.")
    expect(page.locator("#live-size")).to_have_text(str(before + 2))
    newest = page.locator("#live > li").first
    expect(newest).to_contain_text("Note added: credit-risk by boris")
    expect(page.locator("#live-state")).to_contain_text("has just been sealed")
    live, hrefs = said(newest), newest.locator("a").evaluate_all("links => links.map(link => link.pathname)")
    # The script draws what the server would have drawn.
    page.reload()
    newest = page.locator("#live > li").first
    assert (said(newest), newest.locator("a").evaluate_all("links => links.map(link => link.pathname)")) == (live, hrefs)


class Links(HTMLParser):
    """Where a page leads, and what its parts are called."""

    def __init__(self, raw: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.ids: set[str] = set()
        self.feed(raw)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids.add(named.get("id") or "")
        for key in ("href", "src", "data-answer"):
            if named.get(key):
                self.hrefs.append(str(named[key]))


def test_every_link_of_the_site_leads_somewhere(page: Page, site: Site, story: Story) -> None:
    asked = {"Accept": "text/html,*/*;q=0.8"}
    start = [*exploring.list_pages(story).values()]
    waiting = [urljoin(site.url, path) for path in start if path != "/no/such/page"]
    seen: dict[str, Links | None] = dict.fromkeys(waiting)
    fragments: list[tuple[str, str, str]] = []
    while waiting:
        url = waiting.pop()
        answer = page.request.get(url, headers=asked)
        assert answer.status == 200, url
        if "text/html" not in answer.headers["content-type"]:
            continue
        found = seen[url] = Links(answer.text())
        for href in found.hrefs:
            target, _, fragment = urljoin(answer.url, href).partition("#")
            assert target.startswith((site.url, "data:")), f"{url} leads to {target}"
            if fragment:
                fragments.append((url, target, fragment))
            if target.startswith(site.url) and target not in seen:
                seen[target] = None
                waiting.append(target)
    assert len([links for links in seen.values() if links is not None]) > MIN_PAGES
    broken = [each for each in fragments if (links := seen.get(each[1])) is not None and each[2] not in links.ids]
    assert broken == []


def test_the_first_page_is_small(browser: Browser, site: Site, pictures: Path) -> None:
    """All that a browser loads for it, without any compression."""
    answers: list[Response] = []
    with exploring.enter(browser, site) as context:
        page = context.new_page()
        # A built-in method cannot be one who is told.
        page.on("response", lambda answer: answers.append(answer))
        page.goto("/", wait_until="load")
        expect(page.locator("#live-state")).to_have_text("New ones appear here by themselves.")
        # The stream has no end, and so no size.
        loaded = {each.url: 0 if "stream" in each.url else len(each.body()) for each in tuple(answers)}
    assert len(loaded) >= 4
    assert sum(loaded.values()) < MAX_FIRST_BYTES, loaded
