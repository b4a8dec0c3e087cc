"""The pages on which people sign: what they show to whom, before any script runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from litestar.testing import TestClient

from muniment.client import identity, key_request, opening
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.server.access.tokens import Wish
from muniment.server.explorer import assets
from muniment.server.explorer.assets import load_all
from muniment.server.process.assembly import Assembled, assemble
from muniment.server.settings import Served, Settings

ORIGIN = "example.com/credit"
HTML = {"Accept": "text/html"}


class Desk(NamedTuple):
    """A server under test, the digests of two versions, and a key that waits for admission."""

    client: TestClient[Any]
    assembled: Assembled
    first: str
    second: str
    line: str

    def read(self, path: str, *scopes: str, environments: tuple[str, ...] = ()) -> str:
        """A page as a browser reads it, for somebody with these scopes."""
        wish = Wish(name="test", scopes=scopes or ("read",), environments=environments)  # type: ignore[arg-type]
        token = self.assembled.access.tokens.create(wish, by="test").token
        answer = self.client.get(path, headers={**HTML, "Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        return answer.text


def live(ada: Ledger, folder: Path) -> tuple[str, str]:
    """A version that runs in staging, and one after it."""
    for name in ("one", "two"):
        (folder / name).write_bytes(name.encode())
    first = ada.register("credit-risk", folder / "one", derivation="trained")
    for name, roles in (("ben", ["approver"]), ("cleo", ["approver", "trainer"])):
        home = Home(folder / f"home-{name}")
        ada.keys.admit(identity.request(home, ORIGIN, name, "person"), roles=roles)
        if name == "ben":
            Home(folder / "ledger").actor_key("ben").write_bytes(home.actor_key("ben").read_bytes())
    Home(folder / "ledger").actor_key("ben").chmod(0o600)
    with opening.open(folder / "ledger", actor="ben") as ben:
        ben.approve(first, "staging", reason="<b>seen</b>")
    ada.deploy(first, "staging")
    second = ada.register("credit-risk", folder / "two", parents=[first], derivation="finetuned")
    return first.digest, second.digest


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "xdg"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.chdir(folder)
        with opening.init(folder / "ledger", origin=ORIGIN, actor="ada", policy="team") as ada:
            first, second = live(ada, folder)
        assembled = assemble(Settings(ledgers=(Served(name="", home=folder / "ledger"),), state=folder / "state"))
        line = key_request.format(identity.request(Home(folder / "home-dan"), ORIGIN, "dan", "person"))
        assembled.access.requests.put("", ORIGIN, line, "somebody")
        try:
            with TestClient(assembled) as client:  # type: ignore[arg-type]
                yield Desk(client, assembled, first, second, line)
        finally:
            assembled.close()


def test_what_would_change_and_what_is_missing(desk: Desk) -> None:
    page = desk.read(f"/approve/{desk.second}?environment=staging", "read", "write")
    assert "credit-risk@1, which runs there now, and credit-risk@2" in page
    assert "finetuned" in page
    assert "Missing: 1 more approval by approver." in page
    assert '<p class="notice warn apart" data-person="ada">' in page
    assert "muniment approve credit-risk@2 staging --reject" in page
    assert "signed in to read" not in page


def test_the_version_that_runs_changes_nothing(desk: Desk) -> None:
    page = desk.read(f"/approve/{desk.first}?environment=staging")
    assert "this very version runs there already" in page
    assert "&lt;b&gt;seen&lt;/b&gt;" in page


def test_where_nothing_runs_everything_changes(desk: Desk) -> None:
    page = desk.read(f"/approve/{desk.first}?environment=production")
    assert "Everything: no version of credit-risk runs there" in page
    assert "You are signed in to read." in page


def test_the_right_to_write_may_end_at_an_environment(desk: Desk) -> None:
    told = {
        name: "You are signed in to read."
        in desk.read(f"/approve/{desk.first}?environment={name}", "write", "read", environments=("staging",))
        for name in ("staging", "production")
    }
    assert told == {"staging": False, "production": True}


def test_an_environment_is_chosen_first(desk: Desk) -> None:
    page = desk.read(f"/approve/{desk.first}")
    assert re.findall(r'class="button" href="([^"]+)"', page) == [
        f"/approve/{desk.first}?environment={name}" for name in ("production", "staging")
    ]


def test_an_environment_that_nobody_knows(desk: Desk) -> None:
    page = desk.read(f"/approve/{desk.first}?environment=%22%3Cb%3E")
    assert "The policy in force does not list the environment" in page
    assert "<b>" not in page.replace("<b>ben</b>", "")


@pytest.mark.parametrize("digest", ["0" * 64, "xyz", "%3Cscript%3E"])
def test_what_is_not_there_is_said(desk: Desk, digest: str) -> None:
    token = desk.assembled.access.tokens.create(Wish(name="test"), by="test").token
    answer = desk.client.get(f"/approve/{digest}?environment=staging", headers={**HTML, "Authorization": f"Bearer {token}"})
    assert answer.status_code in (400, 404)
    assert "<h1>" in answer.text


def test_requests_are_for_administrators(desk: Desk) -> None:
    fingerprint = key_request.parse(desk.line).fingerprint
    assert fingerprint not in desk.read("/keys")
    page = desk.read("/keys", "admin")
    assert fingerprint in page
    assert f"muniment keys admit {desk.line} --role ROLE" in page


def test_what_was_admitted_meanwhile_does_not_wait(desk: Desk, tmp_path: Path) -> None:
    asked = identity.request(Home(tmp_path), ORIGIN, "fay", "person")
    desk.assembled.access.requests.put("", ORIGIN, key_request.format(asked), "somebody")
    paths = ("/keys", "/")
    assert all(asked.fingerprint in desk.read(path, "admin") for path in paths)
    with opening.open(desk.assembled.hosting.by_name[""].home.folder, actor="ada") as ada:
        ada.keys.admit(asked, roles=["observer"])
    assert not any(asked.fingerprint in desk.read(path, "admin") for path in paths)


def test_nothing_is_hidden_in_a_form_or_runs_inline(desk: Desk) -> None:
    for page in (desk.read("/keys", "admin"), desk.read(f"/approve/{desk.first}?environment=staging")):
        assert 'type="hidden"' not in page
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", page)
        for name in re.findall(r"/static/([a-z_]+\.(?:js|css))", page):
            assert name in load_all(), name


def test_scripts_ask_only_for_scripts_that_are_there() -> None:
    for name, asset in load_all().items():
        if name.endswith(".js"):
            for other in re.findall(r'from "\./([a-z_]+\.js)"', asset.content.decode()):
                assert other in load_all(), (name, other)
                exported = load_all()[other].content.decode()
                for imported in re.findall(r"import \{([^}]*)\} from \"\./" + re.escape(other), asset.content.decode()):
                    for each in filter(None, (part.strip() for part in imported.split(","))):
                        pattern = rf"export (?:async )?(?:function|const|class) {each}\b|export const \{{[^}}]*\b{each}\b"
                        assert re.search(pattern, exported), (name, each)


def test_no_page_script_writes_markup() -> None:
    for path in (Path(assets.__file__).parent / "static").glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", path.read_text()), (
            path.name
        )
