"""Promise: reading without a token gives 401 on every route that is not open; `--public` opens checkpoint and tiles alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import credit
import entering
from entering import BROWSER, Entered
from muniment.client import opening
from muniment.server.settings import Limits

PROGRAM = {"Accept": "application/json"}
SECRET = "hidden.example"
MANY = Limits(anonymous_per_second=100_000)
# Where a path asks for something, anything; but for words that say which of several things it is.
_VALUES = {"int": "1", "str": "a1b2c3d4", "path": "a/b"}
_parameter = re.compile(r"{[a-z_]+:(int|str|path)}")


class Asked(NamedTuple):
    """A way to ask: the method and path of a route, and the scope that it asks for."""

    method: str
    path: str
    scope: str


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("private")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.chdir(folder)
        with opening.init(folder / "ledger", origin=f"{SECRET}/ledger", actor="alice") as ledger:
            credit.live(ledger, folder)
    return folder / "ledger"


@pytest.fixture(scope="module")
def door(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entered]:
    with entering.entered(home, state=tmp_path_factory.mktemp("server"), limits=MANY) as found:
        yield found


def list_routes(app: Any) -> list[Asked]:
    """Every route of the running application, of whatever kind."""
    found = []
    for route in app.routes:
        handlers = getattr(route, "route_handlers", None) or [route.route_handler]
        for handler in handlers:
            scope = handler.opt.get("scope", "admin")
            methods = sorted(getattr(handler, "http_methods", None) or {"GET", "POST"})
            path = _parameter.sub(lambda match: _VALUES[match.group(1)], route.path_format if "{" not in route.path else route.path)
            found += [Asked(method, path.replace("//", "/"), scope) for method in methods if method not in ("HEAD", "OPTIONS")]
    return found


def test_no_route_answers_a_stranger(door: Entered) -> None:
    asked = list_routes(door.app.litestar)
    closed = [each for each in asked if each.scope != "open"]
    assert len(closed) > 60
    assert {each.scope for each in asked} == {"admin", "open", "read", "tiles", "write"}
    for each in closed:
        answer = door.client.request(each.method, each.path, headers=PROGRAM)
        assert answer.status_code == 401, each
        assert answer.headers["content-type"].startswith("application/problem+json"), each
        assert answer.headers["www-authenticate"].startswith("Bearer"), each
        assert (answer.json()["code"], SECRET in answer.text) == ("unauthenticated", False), each


def test_a_browser_is_shown_how_to_sign_in(door: Entered) -> None:
    for each in list_routes(door.app.litestar):
        if each.scope == "open" or each.method != "GET":
            continue
        answer = door.client.get(each.path, headers=BROWSER)
        assert answer.status_code == 401, each
        assert answer.headers["content-type"].startswith("text/html"), each
        assert '<form method="post" action="/sign-in">' in answer.text, each
        assert SECRET not in answer.text, each
        assert answer.headers["cache-control"] == "no-store", each


def test_what_is_open_says_nothing_of_the_ledger(door: Entered) -> None:
    opened = [each for each in list_routes(door.app.litestar) if each.scope == "open" and each.method == "GET"]
    assert {each.path.split("/")[1] for each in opened} == {"badges", "healthz", "readyz", "sign-in", "static", "v1"}
    for each in opened:
        assert SECRET not in door.client.get(each.path, headers=PROGRAM).text, each
    # A badge is open to whoever has its key, which stands in its address; without one it is as if there were none.
    assert door.client.get("/badges/deployments/production/credit-risk.svg").status_code in (401, 404)


def test_a_wrong_token_is_no_token(door: Entered) -> None:
    for token in ("mun_a1b2c3d4e5f6_" + "x" * 43, "nonsense"):
        answer = door.client.get("/v1/view", headers={**PROGRAM, **entering.bearer(token)})
        assert answer.status_code == 401


def test_public_opens_checkpoint_and_tiles_only(home: Path, tmp_path: Path) -> None:
    with entering.entered(home, state=tmp_path, public=True, limits=MANY) as door:
        assert door.client.get("/checkpoint").text.startswith(f"{SECRET}/ledger\n")
        assert door.client.get("/tile/0/000.p/1").status_code in (200, 404)
        tiles = [each for each in list_routes(door.app.litestar) if each.scope == "tiles"]
        assert {each.path.split("/")[1] for each in tiles} == {"checkpoint", "tile"}
        for each in list_routes(door.app.litestar):
            if each.scope in ("read", "write", "admin"):
                assert door.client.request(each.method, each.path, headers=PROGRAM).status_code == 401, each
