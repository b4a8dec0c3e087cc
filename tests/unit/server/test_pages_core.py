"""The pages of the explorer that show the ledger itself: all there without a script, nothing inline, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from litestar.testing import TestClient

import credit
import serving
from muniment.client import opening
from muniment.core.format import manifest
from muniment.core.format.manifest import Line
from muniment.server.explorer import assets, fields, headers, links, rendering, wording
from muniment.server.explorer.failing import wants_page
from muniment.server.settings import Served

HOSTILE = "<script>alert(1)</script> \"' & ﷺ \u202egnissim\u202c \u0000 {{ 7 * 7 }} <img src=x onerror=y>"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = ("/", "/search", "/actors", "/actors/alice", "/policy", "/verify", "/blocks/0", "/entries/0", "/entries/1")
HANDLED_ELSEWHERE = ("/v1/", "/static/", "/sign-out", "/approve/", "/badges/")
"""What links may lead to besides pages."""

Client = TestClient[Any]


class Page(HTMLParser):
    """What is in a page: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for found, attributes in self.elements if found == tag]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.chdir(folder)
        with opening.init(folder / "ledger", origin="example.com/credit", actor="alice") as ledger:
            lived = credit.live(ledger, folder)
            ledger.approve(lived.second, "production", reason=HOSTILE)
            ledger.incident(lived.first, severity="high", impact=HOSTILE, hold=True)
    return folder / "ledger"


@pytest.fixture(scope="module")
def client(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    served = Served(name="risk", home=home)
    with serving.served(home, served, state=tmp_path_factory.mktemp("server")) as found:
        found.headers.update(BROWSER)
        found.follow_redirects = False
        yield found


def read(client: Client, path: str, status: int = 200) -> Page:
    response = client.get(path)
    assert response.status_code == status, (path, response.status_code, response.text[:500])
    return Page(response.text)


@pytest.fixture(scope="module")
def crawled(client: Client) -> dict[str, tuple[int, str]]:
    """Every page that links lead to from the first one, with its status and its HTML."""
    found: dict[str, tuple[int, str]] = {}
    left = ["/"]
    while left:
        path = left.pop()
        if path in found:
            continue
        response = client.get(path)
        if response.status_code in (303, 308):
            found[path] = 200, ""
            left.append(response.headers["location"])
            continue
        found[path] = response.status_code, response.text
        for link in Page(response.text).all("a"):
            target = urljoin(path, link["href"]).partition("#")[0]
            if not target.startswith(HANDLED_ELSEWHERE):
                left.append(target)
    return found


def test_every_link_of_every_page_leads_to_a_page(crawled: dict[str, tuple[int, str]]) -> None:
    assert len(crawled) > 40
    assert {path: status for path, (status, _) in crawled.items() if status != 200} == {}


def test_no_page_has_anything_inline_or_from_elsewhere(crawled: dict[str, tuple[int, str]]) -> None:
    for path, (_, html) in crawled.items():
        page = Page(html)
        for tag, attributes in page.elements:
            assert tag not in ("style", "iframe", "object", "embed", "base"), path
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (path, tag)
            for name in ("href", "src", "action", "data-answer"):
                assert not re.match(r"[a-z]+:|//", attributes.get(name, "")), (path, attributes)
            if tag == "script":
                assert attributes["src"].startswith("/static/"), path


def test_every_page_is_a_document_that_can_be_found_ones_way_in(crawled: dict[str, tuple[int, str]]) -> None:
    for path, (_, html) in crawled.items():
        if not html:
            continue
        page = Page(html)
        assert len(page.all("h1")) == 1, path
        assert len(page.all("main")) == 1, path
        assert page.all("html")[0]["lang"] == "en"
        assert page.all("a")[0] == {"class": "skip", "href": "#content"}
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids)), (path, sorted(ids))
        for field in page.all("input"):
            assert field.get("type") == "hidden" or field["id"] in {each.get("for") for each in page.all("label")}, (path, field)
        assert "verified" not in page.text.replace("has been verified yet", "").lower(), path


def test_what_people_wrote_is_shown_and_never_taken_for_markup(crawled: dict[str, tuple[int, str]]) -> None:
    shown = [html for _, html in crawled.values() if "alert(1)" in html]
    assert len(shown) >= 2
    for html in shown:
        assert "<script>alert" not in html
        assert "<img" not in html
        assert "{{" in html, "a text that looks like a template stays that text"


def test_the_headers_let_nothing_in(client: Client) -> None:
    for path in (*PAGES, "/nowhere", "/static/style.css"):
        sent = client.get(path).headers
        assert sent["content-security-policy"] == headers.POLICY
        assert sent["x-content-type-options"] == "nosniff"
        assert sent["referrer-policy"] == "no-referrer"
        assert sent["cross-origin-opener-policy"] == "same-origin"
    assert "unsafe" not in headers.POLICY


def test_a_page_that_did_not_change_is_not_sent_again(client: Client) -> None:
    first = client.get("/policy")
    again = client.get("/policy", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "private, no-cache"


def test_the_overview_tells_what_there_is(client: Client) -> None:
    page = read(client, "/")
    for said in ("example.com/credit", "One operator signs this ledger", "credit-risk@2", "on hold", "Block", "Founded"):
        assert said in page.text, said
    assert page.all("ol")[0]["data-stream"] == "/v1/stream"


def test_the_first_page_weighs_little(client: Client) -> None:
    page = client.get("/")
    named = [each["src"] for each in Page(page.text).all("script")] + [each["href"] for each in Page(page.text).all("link")]
    weight = len(page.content) + sum(len(client.get(path).content) for path in named)
    assert weight < 60_000


def test_what_is_private_is_never_compressed_beside_what_somebody_else_wrote(client: Client) -> None:
    for path in ("/", "/search?q=somebody-elses-text"):
        assert "content-encoding" not in client.get(path, headers={"Accept-Encoding": "gzip"}).headers


def test_files_never_change_under_their_name(client: Client) -> None:
    for asset in assets.load_all().values():
        forever = client.get(assets.link("", asset.name))
        assert forever.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert forever.content == asset.content
        other = client.get(f"/static/{asset.name}?v=other")
        assert other.headers["cache-control"] == "public, no-cache"
        for encoding, variant in (("identity", ""), ("gzip", "-gzip")):
            asked = {"If-None-Match": f'"{asset.version}{variant}"', "Accept-Encoding": encoding}
            assert client.get(f"/static/{asset.name}", headers=asked).status_code == 304
            answered = client.get(f"/static/{asset.name}", headers={"Accept-Encoding": encoding})
            assert answered.headers.get("content-encoding", "identity") == encoding
            assert (answered.content, answered.headers["vary"]) == (asset.content, "Accept-Encoding")
    assert client.get("/static/..%2Frendering.py").status_code == 404


def test_a_browser_is_told_on_a_page_and_a_program_in_json(client: Client) -> None:
    for path, code in (
        ("/entries/99999", "no-such-entry"),
        ("/entries/-1", "no-such-entry"),
        ("/entries/word", "no-such-page"),
        ("/blocks/99999", "no-such-block"),
        ("/actors/nobody", "no-such-actor"),
        ("/events/nothing", "no-such-event"),
        ("/nowhere/at/all", "no-such-page"),
    ):
        assert code in read(client, path, 404).text, path
        program = client.get(path, headers={"Accept": "application/json"})
        assert program.json()["code"] == code or path.startswith("/nowhere"), path
        assert program.headers["content-type"] == "application/problem+json"
    assert client.get("/v1/nowhere").headers["content-type"] == "application/problem+json"


def test_nobody_reads_a_page_without_a_right(client: Client) -> None:
    for path in PAGES:
        refused = client.get(path, headers={"Authorization": "Bearer nothing"})
        assert refused.status_code == 401
        assert "example.com/credit" not in refused.text, path
    assert "example.com/credit" not in client.get("/nowhere", headers={"Authorization": "Bearer nothing"}).text


def test_a_ledger_under_a_name_links_to_itself(client: Client) -> None:
    for path in ("/", "/entries/1", "/policy", "/actors/alice", "/search"):
        page = read(client, f"/l/risk{path}")
        for link in page.all("a"):
            assert link["href"].startswith(("/l/risk/", "#")), (path, link)
        assert {form["action"] for form in page.all("form")} == {"/l/risk/search"}


def found_at(client: Client, text: str, **more: str) -> str:
    response = client.get("/search", params={"q": text, **more})
    assert response.status_code == 303, (text, response.text)
    return str(response.headers["location"])


def test_the_search_leads_to_the_one_thing(client: Client, home: Path) -> None:
    entry = Page(client.get("/entries/3").text)
    event_id = next(each["href"] for each in entry.all("a") if each["href"].startswith("/entries/"))
    assert event_id
    assert found_at(client, "alice") == "/actors/alice"
    assert found_at(client, " credit-risk@1 ") == "/models/credit-risk/1"
    assert found_at(client, "production/credit-risk") == "/environments/production/credit-risk"
    assert found_at(client, "7") == "/entries/7"
    assert found_at(client, "policy") == "/policy"
    key = client.get("/v1/keys").json()["items"][0]["key"]
    assert found_at(client, key[:8]) == "/actors/alice#keys" or "/actors/" in found_at(client, key[:8])
    version = client.get("/v1/models/credit-risk/versions").json()["items"][0]["digest"]
    assert found_at(client, version[:8]) == "/models/credit-risk/1"
    assert found_at(client, "0" * 64, also=version) == "/models/credit-risk/1"


def test_the_search_says_what_was_perhaps_meant(client: Client) -> None:
    page = read(client, "/search?q=risk")
    assert {each["href"] for each in page.all("a")} >= {"/search?q=credit-risk", "/search?q=production%2Fcredit-risk"}
    assert "What you can search for" in page.text
    hostile = client.get("/search", params={"q": HOSTILE.replace("\0", "")})
    assert hostile.status_code == 200
    assert "<script>alert" not in hostile.text
    assert client.get("/search", params={"q": "\0"}).status_code == 200
    assert client.get("/search", params={"q": "x" * 10_000}).status_code == 200


def test_an_entry_shows_names_clocks_signer_and_files(client: Client) -> None:
    index = client.get("/v1/events?name=approval.decided&limit=1").json()["items"][0]["index"]
    page = read(client, f"/entries/{index}")
    for said in ("the ledger's clock", "the signer's clock", "credit-risk@2", "in force", "opened here", "declared"):
        assert said in page.text, said
    box = next(each for each in page.all("section") if each.get("class") == "verify")
    assert box["data-answer"] == links.answer("", "prove", thing=f"entry/{index}")
    targets = {each["href"] for each in page.all("a")}
    assert {f"/v1/entries/{index}", f"/v1/entries/{index}/receipt", f"/entries/{index - 1}", f"/entries/{index + 1}"} <= targets
    for target in (f"/v1/entries/{index}", f"/v1/entries/{index}/receipt", box["data-answer"]):
        assert client.get(target).status_code == 200, target


def test_an_event_leads_to_its_entry(client: Client) -> None:
    event = client.get("/v1/events?limit=1").json()["items"][0]
    response = client.get(links.event("", event["eventId"]))
    assert (response.status_code, response.headers["location"]) == (303, f"/entries/{event['index']}")


def test_a_block_lists_its_events_and_its_neighbours(client: Client) -> None:
    event = client.get("/v1/events?limit=1").json()["items"][0]
    page = read(client, f"/blocks/{event['height']}")
    assert f"/entries/{event['index']}" in {each["href"] for each in page.all("a")}
    assert [each["rel"] for each in page.all("a") if "rel" in each] == ["prev"]
    assert "none: this is the first one" in read(client, "/blocks/0").text


@pytest.mark.parametrize(
    ("stream", "path"),
    [
        ("version/" + "a" * 64, "/versions/" + "a" * 64),
        ("model/team/risk", "/models/team/risk"),
        ("deployment/production/team/risk", "/environments/production/team/risk"),
        ("acts/alice", "/actors/alice"),
        ("policy", "/policy"),
        ("approval/01a20835-9cde-7354-a794-a0c55dbbbac8", "/events/01a20835-9cde-7354-a794-a0c55dbbbac8"),
        ("parameter/version/" + "a" * 64 + "/" + "b" * 64, "/versions/" + "a" * 64),
        ("parameter/deployment/production/risk/" + "b" * 64, "/environments/production/risk"),
        ("system/screening", "/search?q=screening"),
    ],
)
def test_every_stream_has_a_place(stream: str, path: str) -> None:
    assert links.link("/l/x", stream) == f"/l/x{path}"


def test_fields_are_laid_out_for_people() -> None:
    context = fields.Context(base="", names={"a" * 64: "loans@1"}, opened={"c1": "because"}, actors=frozenset({"bob"}))
    laid = fields.lay_out(
        {
            "personalData": False,
            "data": "a" * 64,
            "blob": "b" * 64,
            "reason": {"sealed": "c1"},
            "impact": {"sealed": "c2"},
            "of": "bob",
            "to": "nobody-known",
            "awareAt": "2026-03-04T12:00:00.000000Z",
            "metrics": [{"metric": "auc", "value": "0.9"}],
        },
        context,
    )
    assert [(each.label, each.piece.form, each.piece.href) for each in laid] == [
        ("Personal data", "text", ""),
        ("Data", "digest", f"/search?q={'a' * 64}"),
        ("Blob", "digest", ""),
        ("Reason", "opened", ""),
        ("Impact", "sealed", ""),
        ("Of", "link", "/actors/bob"),
        ("To", "text", ""),
        ("Aware at", "time", ""),
        ("Metrics", "many", ""),
    ]
    assert laid[-1].piece.pieces[0].fields[0].label == "auc"


def test_words() -> None:
    assert wording.count(1, "entry", "entries") == "1 entry"
    assert wording.count(1_200, "entry", "entries") == "1,200 entries"
    assert [wording.size(each) for each in (1, 999, 53_268, 7 * 10**12)] == ["1 byte", "999 bytes", "53.3 kB", "7.0 TB"]
    assert wording.moment("2026-03-04T12:00:05.123456Z") == "2026-03-04 12:00:05 UTC"
    assert wording.called("run/01a20835-9cde-7354-a794-a0c55dbbbac8") == "run 01a20835…bac8"
    assert wording.called("model/run") == "model/run"
    assert wording.deed("dataset.registered") == "Data set registered"


def test_the_hash_of_a_dropped_file_is_the_root_of_a_manifest() -> None:
    """drop.js hashes `0x00` and this line: the RFC 6962 root of one leaf."""
    line = manifest.build([Line("loans.csv", "a" * 64, 18)])
    assert manifest.encode(line) == b'{"path":"loans.csv","sha256":"' + b"a" * 64 + b'","size":18}\n'
    script = assets.load_all()["drop.js"].content.decode()
    assert 'JSON.stringify({ path: name.normalize("NFC"), sha256, size })' in script


def test_templates_refuse_names_that_nobody_gave() -> None:
    assert rendering.environment() is rendering.environment()
    with pytest.raises(Exception, match="undefined"):
        rendering.environment().from_string("{{ nothing }}").render()
    assert rendering.environment().from_string("{{ said }}").render(said="<b>") == "&lt;b&gt;"
    assert wants_page.__doc__
