"""Promise: without JavaScript nothing is missing; with it no page runs, loads or asks for what is not this server's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from playwright.sync_api import Browser, Page, expect

import exploring
from exploring import PLACE, Site, Story

SHAPE = "[...document.querySelectorAll('main :is(h1, h2, h3, h4, table, caption, tbody tr, form, dl > div, svg, section)')].length"
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# These do something that takes a script: without one they say so, and name another way.
SCRIPTED = frozenset({"approve", "keys", "search", "search-many", "search-nothing", "verify"})


@pytest.fixture
def plain(browser: Browser, site: Site) -> Iterator[Page]:
    """A page in a browser without JavaScript."""
    with exploring.visit(browser, site, java_script_enabled=False) as found:
        yield found


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with exploring.visit(browser, site) as found:
        yield found


class Inline(HTMLParser):
    """What stands in a page's HTML and must not: scripts, styles, handlers."""

    def __init__(self, raw: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(raw)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in named) or "style" in named:
            self.found.append(tag)
        self.found += [key for key in named if key.startswith("on")]
        self.found += [
            f"{key} {named[key]}" for key in ("href", "src", "action") if (named.get(key) or "").startswith("javascript:")
        ]


def read(page: Page, path: str) -> tuple[int, str]:
    """The shape of a page, and its text without what only a script knows."""
    page.goto(path)
    return page.evaluate(SHAPE), page.locator("main").inner_text()


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def test_every_page_says_the_same_without_a_script(plain: Page, browser: Browser, site: Site, story: Story) -> None:
    complaints: list[str] = []
    pages = exploring.list_pages(story)
    pages.pop("missing")
    with exploring.visit(browser, site, complaints) as scripted:
        for name, path in pages.items():
            shape, said = read(plain, path)
            assert plain.locator("h1").count() == 1, path
            assert shape > 1, path
            assert "Verified" not in said, path
            also_shape, also_said = read(scripted, path)
            assert shape == also_shape, path
            if name not in SCRIPTED:
                lost = words(said) - words(also_said)
                assert lost == set(), path
    assert complaints == []


def test_nothing_stands_inline_and_every_page_has_the_strict_policy(page: Page, story: Story) -> None:
    for path in exploring.list_pages(story).values():
        answer = page.request.get(path, headers={"Accept": "text/html"})
        assert Inline(answer.text()).found == [], path
        policy = dict(each.strip().split(" ", 1) for each in answer.headers["content-security-policy"].split(";"))
        assert policy == POLICY, path
        for name, value in {"x-content-type-options": "nosniff", "cross-origin-opener-policy": "same-origin"}.items():
            assert answer.headers[name] == value, path


def test_the_policy_is_in_force(browser: Browser, site: Site) -> None:
    """A script or a request that somebody got into a page does nothing, and the harness of these tests hears of it."""
    complaints: list[str] = []
    with exploring.visit(browser, site, complaints) as page:
        page.goto("/")
        page.evaluate(
            "() => { const it = document.createElement('script'); it.textContent = 'window.hit = 1'; document.body.append(it); }"
        )
        page.evaluate("() => { document.body.append(Object.assign(new Image(), { src: 'http://example.com/x.png' })); }")
        assert page.evaluate("fetch('http://example.com/').then(() => 'asked', () => 'refused')") == "refused"
        assert page.evaluate("window.hit") is None
        # What was held back is said a moment after it was.
        awaited, tries = ("policy: script-src", "policy: img-src", "policy: connect-src"), iter(range(exploring.PATIENCE_MS // 50))
        while not all(each in "\n".join(complaints) for each in awaited):
            assert next(tries, None) is not None, complaints
            page.wait_for_timeout(50)


def test_the_search_works(plain: Page, story: Story) -> None:
    plain.goto("/")
    plain.get_by_label("Search this ledger").fill(story.second.digest[:8])
    plain.get_by_role("button", name="Search").click()
    plain.wait_for_url("**/models/credit-risk/2")
    plain.get_by_label("Search this ledger").fill("nothing like it")
    plain.keyboard.press("Enter")
    expect(plain.locator("main")).to_contain_text("Nothing in this ledger goes by that.")
    expect(plain.locator("main")).to_contain_text("Without one, search for what sha256sum prints")


def test_the_forms_of_days_work(plain: Page, story: Story) -> None:
    plain.goto(f"/environments/{PLACE}")
    plain.get_by_label("Day (UTC)").fill(story.promoted)
    plain.get_by_label("Time, if it matters").fill("09:00")
    plain.get_by_role("button", name="What ran then?").click()
    expect(plain.locator("main")).to_contain_text(f"On {story.promoted} at 09:00 UTC {PLACE} ran credit-risk@2.")
    plain.goto("/environments/production")
    plain.get_by_label("Day (UTC)").fill(story.started)
    plain.get_by_role("button", name="What ran then?").click()
    expect(plain.get_by_role("article", name=f"credit-risk@1 in {PLACE}")).to_contain_text("boris (approver) approved it")


def test_the_form_of_differences_works(plain: Page) -> None:
    plain.goto("/diff")
    plain.get_by_label("One version").fill("credit-risk@1")
    plain.get_by_label("The other").fill("credit-risk@2")
    plain.get_by_role("button", name="Compare").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("credit-risk@1 and credit-risk@2")
    expect(plain.get_by_role("table", name="Versions that it came from")).to_contain_text("finetuned")


def test_signing_in_and_out_works(browser: Browser, site: Site) -> None:
    with browser.new_context(base_url=site.url, java_script_enabled=False) as context:
        context.set_default_timeout(exploring.PATIENCE_MS)
        page = context.new_page()
        answer = page.goto("/models/credit-risk")
        assert answer is not None
        assert answer.status == 401
        expect(page.locator("body")).not_to_contain_text("credit-risk")
        page.get_by_label("Token", exact=True).fill("mun_000000000000_" + "x" * 43)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("Token", exact=True).fill(site.token("read"))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/models/credit-risk")
        (cookie,) = context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        answer = page.goto("/models/credit-risk")
        assert answer is not None
        assert answer.status == 401


def test_pages_are_printed_whole(page: Page, story: Story) -> None:
    for path in ("/", "/models/credit-risk/1", f"/environments/{PLACE}?day={story.promoted}", "/entries/1"):
        page.goto(path)
        page.emulate_media(media="print", color_scheme="dark")
        assert page.pdf().startswith(b"%PDF-"), path
        expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
        expect(page.locator("#find")).to_be_hidden()
        expect(page.locator("h1")).to_be_visible()
        # Dark ink on white paper, and digests whole: paper has nothing to click on.
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)", path
        shown = page.evaluate("(d => d && getComputedStyle(d, '::after').content)(document.querySelector('main code.digest'))")
        assert shown is None or re.fullmatch(r'"[0-9a-f-]{36,64}"', shown), path
        page.emulate_media(media="screen", color_scheme="light")
