"""What the tests of the explorer share: one story, one browser, and the site that the story is served at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

import exploring
from exploring import Site, Story


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return exploring.tell(tmp_path_factory.mktemp("story"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with exploring.chromium() as found:
        yield found


@pytest.fixture(scope="module")
def site(story: Story, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with exploring.serve(story.home, tmp_path_factory.mktemp("server"), browser) as found:
        yield found
