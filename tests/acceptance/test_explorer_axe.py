"""Promise: every kind of page is fit for everybody: axe finds nothing, wide and narrow, light and dark; keys reach all of it.

axe judges each page twice: wide and light, narrow and dark. What it can find depends on width or colours, on no pair of them.
Where $MUNIMENT_SCREENSHOTS names a folder, a picture of every page is kept there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

import exploring
from exploring import PLACE, Site, Story

WIDE, NARROW = 1280, 390
# A page is complete by itself, so its landmarks and headings count as well.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS: dict[str, Any] = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": TAGS}}
# Made of the same parts as others that are judged.
ALIKE = frozenset({"deployment", "entry-deployment", "environment-day", "genesis", "search-nothing", "version-rejected"})
MAX_TABS = 400
# What has the focus: its place among all elements, how it shows, and whether it can be seen.
FOCUSED = """() => {
    const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
    return {
        place: [...document.querySelectorAll("*")].indexOf(it),
        body: it === document.body,
        outline: style.outlineStyle,
        width: parseFloat(style.outlineWidth),
        drawn: it.closest("svg, [type=date], [type=time]") !== null,
        inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        name: it.outerHTML.slice(0, 120),
    };
}"""


@contextmanager
def visit(browser: Browser, site: Site, complaints: list[str], width: int = WIDE, scheme: Any = "light") -> Iterator[Page]:
    """A page that carries axe."""
    with exploring.enter(browser, site, complaints, viewport={"width": width, "height": 900}, color_scheme=scheme) as context:
        context.add_init_script(Axe().axe_script)
        yield context.new_page()


def judge(page: Page, named: str) -> list[str]:
    """What axe finds on a page as it is."""
    found = page.evaluate("async options => (await axe.run(document, options)).violations", OPTIONS)
    return [f"{named}: {each['id']} ({each['impact']}): {node['html'][:160]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_axe_finds_nothing(browser: Browser, site: Site, story: Story, width: int, scheme: str) -> None:
    complaints: list[str] = []
    found: list[str] = []
    with visit(browser, site, complaints, width, scheme) as page:
        for name, path in exploring.list_pages(story).items():
            if name in ALIKE:
                continue
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            if "MUNIMENT_SCREENSHOTS" in os.environ:
                page.screenshot(path=Path(os.environ["MUNIMENT_SCREENSHOTS"]) / f"{name}-{width}-{scheme}.png", full_page=True)
            # What is folded belongs to the page as well.
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            found += judge(page, f"{name} {width} {scheme}")
    assert found == []
    assert [each for each in complaints if "404" not in each] == []


def test_axe_finds_nothing_after_a_verification(browser: Browser, site: Site) -> None:
    complaints: list[str] = []
    found: list[str] = []
    with visit(browser, site, complaints) as page:
        for forged, words, scheme in ((False, "Verified by your browser.", "light"), (True, "Not verified", "dark")):
            page.emulate_media(color_scheme=cast(Any, scheme))
            if forged:
                page.route("**/v1/prove?*", lambda route: route.fulfill(body="{}", content_type="application/json"))
            page.goto("/entries/1")
            page.get_by_role("button", name="Verify in this browser").click()
            expect(page.locator("section.verify .state")).to_contain_text(words)
            found += judge(page, f"{words} {scheme}")
    assert found == []


def test_colours_are_those_of_the_scheme(browser: Browser, site: Site) -> None:
    with exploring.visit(browser, site) as page:
        page.goto("/")
        seen = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=cast(Any, scheme))
            paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor.match(/[0-9]+/g).map(Number)")
            seen.append(sum(paper) / 3)
    assert seen[0] > 230
    assert seen[1] < 40


@pytest.mark.parametrize("path", ["/", f"/environments/{PLACE}?day=2026-03-05", "/models/credit-risk/1", "/entries/1"])
def test_tab_goes_through_the_page_in_its_order_and_is_seen(browser: Browser, site: Site, path: str) -> None:
    with exploring.visit(browser, site, viewport={"width": WIDE, "height": 900}, reduced_motion="reduce") as page:
        page.goto(path)
        assert page.evaluate('document.querySelectorAll(\'[tabindex]:not([tabindex="0"]):not([tabindex="-1"])\').length') == 0
        places: list[int] = []
        for _ in range(MAX_TABS):
            page.keyboard.press("Tab")
            it = page.evaluate(FOCUSED)
            # Parts of one control, such as the fields of a date, share its place; behind the last element the first one follows.
            if it["body"] or (len(set(places)) > 1 and it["place"] == places[0]):
                break
            places.append(it["place"])
            assert it["inside"], it
            # Drawings mark what has the focus by its own line; a field of a date marks the part of it.
            assert (it["outline"] != "none" and it["width"] >= 2) or it["drawn"], it
        else:
            pytest.fail("there is no end to the page")
        assert places == sorted(places)
        links = page.locator("main a[href]:visible, main button:visible").count()
        assert len(set(places)) >= links


def test_the_first_tab_skips_to_the_content(browser: Browser, site: Site) -> None:
    with exploring.visit(browser, site) as page:
        page.goto("/models")
        skip = page.get_by_role("link", name="Skip to the content")
        assert skip.evaluate("it => it.getBoundingClientRect().bottom <= 0")
        page.keyboard.press("Tab")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_nothing_moves_for_those_who_ask_for_that(browser: Browser, site: Site) -> None:
    with exploring.visit(browser, site, reduced_motion="reduce") as page:
        page.goto("/")
        moving = """it => {
            const style = getComputedStyle(it);
            return style.transitionDuration.split(",").some(each => parseFloat(each) > 0) || style.animationName !== "none";
        }"""
        assert page.evaluate(f"[...document.querySelectorAll('*')].filter({moving}).map(it => it.outerHTML.slice(0, 80))") == []
