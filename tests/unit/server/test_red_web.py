"""What a browser, a cache or a stranger could make of the server's answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import entering
from entering import Entered, bearer
from muniment.client import home as homes

PATHS = (
    "/", "/models", "/nothing", "/v1/view", "/v1/ledger", "/v1/models", "/v1/events", "/v1/tokens", "/v1/entries/0",
    "/v1/entries/0/receipt",
    "/v1/proofs/inclusion?index=0", "/v1/search?q=ada", "/v1/search?q=nobody", "/v1/disclosures/x",
    "/metrics", "/checkpoint", "/healthz",
)  # fmt: skip


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Entered]:
    home = homes.found(tmp_path / "home", origin="example.com/credit", actor="ada")
    with entering.entered(home.folder, state=tmp_path / "server") as door:
        yield door


@pytest.mark.parametrize("path", PATHS)
def test_no_shared_cache_keeps_what_is_private_and_nobody_guesses_types(door: Entered, path: str) -> None:
    for headers in (bearer(door.token("admin")), bearer(door.token("read")), {}, entering.BROWSER):
        answer = door.client.get(path, headers=headers)
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"], (path, answer.status_code)
        [said] = answer.headers.get_list("cache-control")
        assert "private" in said or "no-store" in said or path == "/checkpoint", (path, said)


def test_evidence_that_is_a_page_is_never_shown_as_one(door: Entered) -> None:
    page = b"<script>alert(document.cookie)</script>"
    name, headers = hashlib.sha256(page).hexdigest(), bearer(door.token("read", "write"))
    assert door.client.put(f"/v1/blobs/{name}", content=page, headers=headers).status_code == 204
    answer = door.client.get(f"/v1/blobs/{name}", headers={**headers, **entering.BROWSER})
    assert answer.content == page
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"] == "attachment"
