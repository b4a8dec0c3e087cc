"""Every route against every caller: what is answered is what the route's scope says, and nobody reads or writes beyond his own.

Three ledgers are served: one at the root, and `a` and `b`. What belongs to one must not be seen by who may not read it: not through
tricks with addresses and headers, cursors, entity tags, searches, badges, blobs or errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.handlers import BaseRouteHandler

import entering
import makers
import processes
import providing
from entering import Entered, bearer
from muniment.client import key_request, opening
from muniment.client.home import Home
from muniment.core.format import time
from muniment.ledger import signers
from muniment.ledger.embedded import system_clock
from muniment.ledger.signers import SeedSigner
from muniment.server.access import cookies, rate, store
from muniment.server.access.oidc import Providers
from muniment.server.access.tokens import Tokens, Wish
from muniment.server.caller import Caller
from muniment.server.settings import Limits, Provider, Served
from processes import Running

NAMES = ("", "a", "b")
EVERYWHERE = frozenset(NAMES)
ENDLESS = "/v1/stream"
OWN_RIGHTS = ("/v1/identity", "/sign-in", "/sign-out")
"""Open to everybody, and then strict in a way of their own: a workload's token, a page of ours."""
LIMITS = Limits(requests_per_second=1_000_000, anonymous_per_second=1_000_000)


class Kept(NamedTuple):
    """A ledger, and what nobody may see who may not read it. `words` are in whatever is answered about it."""

    name: str
    home: Home
    ledger: str
    words: tuple[str, ...]
    blob: str
    manifest: str
    sealed: str
    event: str

    @property
    def base(self) -> str:
        return f"/l/{self.name}" if self.name else ""


class Who(NamedTuple):
    """Somebody who asks: what he presents, and what he may do where. A caller who presents what is wrong is `known` to nobody."""

    title: str
    headers: dict[str, str]
    scopes: frozenset[str] = frozenset()
    ledgers: frozenset[str] = EVERYWHERE
    wrong: bool = False

    def may(self, scope: str, ledger: str) -> bool:
        return ledger in self.ledgers and (scope in self.scopes or "admin" in self.scopes)


def found(folder: Path, name: str) -> Kept:
    """A ledger with a data set, a note and something in every store."""
    secret = f"hidden-{name or 'root'}"
    origin = f"example.com/{secret}"
    home = Home(folder / secret)
    (folder / f"{secret}.csv").write_text(secret)
    with opening.init(home.folder, origin=origin, actor="alice") as ledger:
        data = ledger.dataset(secret, folder / f"{secret}.csv", reason=f"words of {secret}")
        noted = ledger.note(data, f"words of {secret}")
        blob = str(ledger._writer.blobs.store(f"a log of {secret}".encode()))
        sealed = re.findall(r'"digest":"([^"]+)"', home.vault.read_text())[0]
        return Kept(name, home, ledger.id, (secret, ledger.id), blob, data.digest, sealed, noted.event_id)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Kept]]:
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "xdg"))
        yield {name: found(folder, name) for name in NAMES}


PROVIDERS = (
    Provider(name="all", issuer=providing.ISSUER, audience=providing.AUDIENCE, scopes=("read",), claims={"repository": "org/all"}),
    Provider(
        name="b",
        issuer=providing.ISSUER,
        audience=providing.AUDIENCE,
        scopes=("read", "write"),
        claims={"repository": "org/b"},
        ledgers=("b",),
        ephemeral=True,
    ),
)


@pytest.fixture(scope="module")
def door(kept: dict[str, Kept], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entered]:
    idp = providing.Pretended(providing.rsa())
    with pytest.MonkeyPatch.context() as patch:
        real = Providers.__init__
        patch.setattr(Providers, "__init__", lambda self, providers, *_: real(self, providers, idp.load))
        # Whoever guesses is slowed down, which is another test's; here all come from one address.
        patch.setattr(rate, "FAILURES_PER_MINUTE", 1_000_000)
        ledgers = [Served(name=name, home=each.home.folder) for name, each in kept.items()]
        state = tmp_path_factory.mktemp("state") / "server"
        with entering.entered(*ledgers, state=state, providers=PROVIDERS, limits=LIMITS, webhooks_private=True) as entered:
            yield entered


@pytest.fixture(scope="module")
def callers(door: Entered) -> tuple[Who, ...]:
    return tuple(list_callers(door))


def list_callers(door: Entered) -> Iterator[Who]:
    """One of every kind."""
    yield Who("nobody", {})
    for scope in ("read", "write", "admin"):
        yield Who(scope, bearer(door.token(scope)), frozenset({scope}))
        yield Who(f"{scope} of b", bearer(door.token(scope, ledgers=("b",))), frozenset({scope}), frozenset("b"))
    yield Who("admin of the root", bearer(door.token("admin", ledgers=("",))), frozenset({"admin"}), frozenset({""}))
    yield Who("write in test", bearer(door.token("write", environments=("test",))), frozenset({"write"}))
    past = Tokens(door.access.file, clock=lambda: system_clock() - 10_000_000)
    soon = time.format(system_clock() - 5_000_000)
    ended = past.create(Wish(name="ended", scopes=("admin",), expires_at=soon), by="test").token
    yield Who("expired", bearer(ended), wrong=True)
    revoked = door.access.tokens.create(Wish(name="revoked", scopes=("admin",)), by="test")
    door.access.tokens.revoke(revoked.made.id)
    yield Who("revoked", bearer(revoked.token), wrong=True)
    yield Who("made up", bearer(f"mun_{'0' * 12}_{'A' * 43}"), wrong=True)
    yield Who("another scheme", {"Authorization": "Basic YWRtaW46YWRtaW4="}, wrong=True)
    for title, scopes, ledgers in (("session", {"read"}, ()), ("session of b", {"admin"}, ("b",))):
        caller = Caller(kind="session", id=title, scopes=frozenset(scopes), ledgers=frozenset(ledgers))
        cookie = f"{cookies.session_name(door.access.settings)}={door.access.sessions.begin(caller)}"
        yield Who(title, {"Cookie": cookie, **entering.OURS}, caller.scopes, caller.ledgers or EVERYWHERE)
    yield Who("workload", bearer(_token(repository="org/all")), frozenset({"read"}))
    yield Who("workload of b", bearer(_token(repository="org/b")), frozenset({"read", "write"}), frozenset("b"))
    for title, said in (
        ("another repository", {"repository": "org/c"}),
        ("no repository", {}),
        ("another audience", {"repository": "org/all", "aud": "https://elsewhere.example"}),
        ("another issuer", {"repository": "org/all", "iss": "https://evil.example"}),
        ("over", {"repository": "org/all", "exp": 1}),
    ):
        yield Who(title, bearer(_token(**said)), wrong=True)


def _token(**said: object) -> str:
    # Every test of this file asks with the same ones, however long all of that takes.
    return providing.sign(providing.claims(**{"exp": system_clock() // 1_000_000 + 86_400, **said}))


def routes(door: Entered) -> Iterator[tuple[str, str, str]]:
    """Path, method and scope of every route, with something in the place of each parameter."""
    for route in door.app.litestar.routes:
        handlers: list[BaseRouteHandler] = list(getattr(route, "route_handlers", ())) or [route.route_handler]  # type: ignore[attr-defined]
        for handler in handlers:
            path = _fill(route.path)
            # Open, because a badge's own key opens it; without one it takes what reading takes.
            told = str(handler.opt.get("scope", "admin"))
            scope = "read" if path.startswith("/badges/") and told == "open" else told
            for method in sorted(getattr(handler, "http_methods", ())) or ["POST" if path == "/v1/entries" else "GET"]:
                yield path, str(method), scope


def _fill(path: str) -> str:
    path = re.sub(r"/?\{[a-z_]+:path\}", "/model/credit-risk", path)
    return re.sub(r"\{[a-z_]+:str\}", "0" * 64, re.sub(r"\{[a-z_]+:int\}", "0", path))


def expect(who: Who, scope: str, ledger: str) -> int:
    """401, 403, or 0 for whatever the route itself says."""
    if who.wrong:
        return 401
    if scope == "open" or who.may("read" if scope == "tiles" else scope, ledger):
        return 0
    return 403 if who.scopes else 401


def test_every_route_says_to_every_caller_what_its_scope_says(
    door: Entered, callers: tuple[Who, ...], kept: dict[str, Kept]
) -> None:
    asked = 0
    for path, method, scope in routes(door):
        for who in callers:
            for ledger in kept.values():
                expected = expect(who, scope, ledger.name)
                if not expected and (path == ENDLESS or path == "/sign-out"):
                    continue
                answer = door.client.request(method, ledger.base + path, headers=who.headers)
                where = f"{who.title}: {method} {ledger.base}{path} ({scope}): {answer.status_code} {answer.text[:200]}"
                if expected:
                    # Who comes from no page of ours is told that first.
                    assert answer.status_code in ((expected, 403) if path in OWN_RIGHTS else (expected,)), where
                elif path not in OWN_RIGHTS:
                    assert answer.status_code not in (401, 403), where
                assert answer.status_code < 500 or path == "/readyz", where
                unseen = [each for each in kept.values() if not who.may("read", each.name) and not who.may("write", each.name)]
                assert not [word for each in unseen for word in each.words if word in _whole(answer)], where
                asked += 1
    assert asked > 3_000


def _whole(answer: Any) -> str:
    return f"{answer.headers} {answer.text}"


def test_nobody_learns_which_ledgers_there_are(door: Entered, callers: tuple[Who, ...]) -> None:
    """The answer about a ledger that one may not read is the answer about one that is not there."""
    for path, method, _ in routes(door):
        if path == ENDLESS:
            continue
        for who in callers:
            if who.ledgers != EVERYWHERE or not who.scopes:
                for mine in sorted({"a", "b"} - (who.ledgers if who.scopes else frozenset())):
                    there = door.client.request(method, f"/l/{mine}{path}", headers=who.headers)
                    nowhere = door.client.request(method, f"/l/q{path}", headers=who.headers)
                    where = f"{who.title}: {method} /l/{mine}{path}"
                    assert there.status_code == nowhere.status_code, where
                    assert _plain(there, mine) == _plain(nowhere, "q"), where


def _plain(answer: Any, name: str) -> str:
    """What is answered, without the address that was asked and what differs with each request."""
    text = re.sub(r"[0-9a-f]{16,}|[A-Za-z0-9_-]{43}", "", answer.text)
    return text.replace(f"/l/{name}", "/l/NAME").replace(f"%2Fl%2F{name}", "/l/NAME")


def test_what_is_in_one_ledger_is_not_found_in_another(door: Entered, kept: dict[str, Kept]) -> None:
    admin, here = bearer(door.token("admin", ledgers=("a",))), kept["a"]
    for other in (kept["b"], kept[""]):
        secret = other.words[0]
        for path in (
            f"/v1/blobs/{other.blob}",
            f"/v1/manifests/{other.manifest}",
            f"/v1/disclosures/{other.sealed}",
            f"/v1/ids/{other.event}",
            f"/v1/search?q={secret}",
            f"/v1/search?q={other.manifest[:8]}",
            f"/v1/notes?of={secret}",
            f"/v1/prove?thing={secret}",
            f"/v1/history?of={secret}",
            f"/events/{other.event}",
            f"/datasets/{secret}",
            f"/badges/version/{other.manifest}.svg",
        ):
            answer = door.client.get(here.base + path, headers=admin)
            assert answer.status_code in (404, 409) or path.startswith("/badges/"), path
            assert other.words[1] not in answer.text
            assert "words of" not in answer.text
        assert door.client.get(f"{here.base}/v1/names/{other.manifest}", headers=admin).json() == {"name": None}
        assert door.client.get(f"{here.base}/v1/datasets/{secret}/versions", headers=admin).json()["items"] == []
        for path in ("/v1/datasets", "/v1/events", "/v1/actors", "/v1/keys"):
            assert secret not in door.client.get(here.base + path, headers=admin).text


def test_an_entity_tag_tells_nothing_to_who_may_not_read(door: Entered, kept: dict[str, Kept]) -> None:
    mine, paths = (
        bearer(door.token("read", ledgers=("a",))),
        ("/v1/models", "/v1/events", "/v1/entries/0", "/v1/policy", "/checkpoint"),
    )
    for other in (kept["b"], kept[""]):
        for path in paths:
            tag = door.client.get(other.base + path, headers=bearer(door.token("read"))).headers["etag"]
            for headers, status in ((mine, 403), ({}, 401)):
                for sent in (tag, "*", f"W/{tag}"):
                    answer = door.client.get(other.base + path, headers={**headers, "If-None-Match": sent})
                    assert answer.status_code == status, path
                    assert "etag" not in answer.headers
            # The tag of another ledger is not this one's.
            assert door.client.get(f"/l/a{path}", headers={**mine, "If-None-Match": tag}).status_code == 200


def test_what_is_ordered_for_one_ledger_is_not_another_s(door: Entered, kept: dict[str, Kept]) -> None:
    """Webhooks, requests for keys and tokens: neither seen, nor changed, nor counted."""
    a, b = (bearer(door.token("admin", ledgers=(name,))) for name in ("a", "b"))
    client = door.client
    hook = client.post("/l/b/v1/webhooks", json={"url": "http://127.0.0.1:9/hidden"}, headers=b).json()["webhook"]["id"]
    line = key_request.format(key_request.make(f"example.com/{kept['b'].words[0]}", "eve", "person", SeedSigner(b"e" * 32)))
    waits = client.post("/l/b/v1/requests", json={"request": line}, headers=b).json()["id"]
    token = client.post("/l/b/v1/tokens", json={"name": "hidden", "ledgers": ["b"]}, headers=b).json()["made"]["id"]
    for path in ("webhooks", "requests", "tokens"):
        assert "hidden" not in client.get(f"/l/a/v1/{path}", headers=a).text
        assert client.get(f"/l/b/v1/{path}", headers=a).status_code == 403
    for method, path, body in (
        ("GET", f"webhooks/{hook}", None),
        ("GET", f"webhooks/{hook}/deliveries", None),
        ("POST", f"webhooks/{hook}/ping", None),
        ("POST", f"webhooks/{hook}/secret", None),
        ("POST", f"webhooks/{hook}/replay", {"index": 1}),
        ("DELETE", f"webhooks/{hook}", None),
        ("DELETE", f"requests/{waits}", None),
        ("DELETE", f"tokens/{token}", None),
    ):
        answer = client.request(method, f"/l/a/v1/{path}", json=body, headers=a)
        assert answer.status_code == 404, path
        assert "hidden" not in answer.text
    assert client.get(f"/l/b/v1/webhooks/{hook}", headers=b).status_code == 200
    assert client.request("DELETE", f"/l/b/v1/requests/{waits}", headers=b).status_code == 204
    # Nobody hands on more than he has.
    for wish in (
        {"name": "x"},
        {"name": "x", "ledgers": ["b"]},
        {"name": "x", "ledgers": ["a", "b"]},
        {"name": "x", "ledgers": [""]},
    ):
        answer = client.post("/l/a/v1/tokens", json={**wish, "scopes": ["read"]}, headers=a)
        assert answer.status_code in (400, 403), wish


def test_a_token_for_an_environment_writes_in_no_other(door: Entered, kept: dict[str, Kept]) -> None:
    here = kept["a"]
    signer = signers.load_file(here.home.actor_key("alice"))
    narrow = bearer(door.token("write", environments=("test",)))

    def send(path: str, *events: tuple[str, dict[str, object]]) -> Any:
        raws = [makers.sign(here.ledger, name, signer, "alice", makers.random_id(), **fields) for name, fields in events]
        return door.client.post(f"/l/a{path}", content=b'{"entries":[' + b",".join(raws) + b"]}", headers=narrow)

    def size() -> int:
        return int(door.client.get("/l/a/v1/view", headers=bearer(door.token("read"))).json()["size"])

    version: dict[str, object] = {"model": "m", "version": "7" * 64, "derivation": "trained"}
    start: dict[str, object] = {"transition": "start", "name": "m", "version": "7" * 64}
    before = size()
    for path in ("/v1/judgements", "/v1/entries"):
        for place in ("production", "Test", "test2"):
            refused = send(path, ("model.registered", version), ("deployment.changed", {**start, "environment": place}))
            assert (refused.status_code, refused.json()["title"]) == (403, "Not allowed")
    assert size() == before
    done = send("/v1/entries", ("model.registered", version), ("deployment.changed", {**start, "environment": "test"}))
    assert (done.status_code, done.json()["verdicts"][0]["decision"]) == (200, "admitted")
    assert size() > before


# Addresses and heads, byte for byte, as no library would send them.

TRICKS = (
    *("/l/a/../b{}", "/l/a/%2e%2e/b{}", "/l/a%2f..%2fb{}", "/l/a/..%2fb{}", "/l/a/..;/b{}", "/l/a/.%2e/b{}", "/l/a/%252e%252e/b{}"),
    *("/l//b{}", "//l/b{}", "/l/./b{}", "/./l/b{}", "/l/%62{}", "/%6c/b{}", "/l%2fb{}", "/L/b{}", "/l/B{}", "/l/b/{}", "/l/b/.{}"),
    *(
        "/l/b%2f{}",
        "/l/b%00{}",
        "/l/a%00/../b{}",
        "/l/a/l/b{}",
        "/l/b\\{}",
        "\\l\\b{}",
        "/l/b;a=1{}",
        "/l/a?/../b{}",
        "/l/a#/../b{}",
    ),
    *(
        "/v1/../l/b{}",
        "/static/../l/b{}",
        "/static/%2e%2e/l/b{}",
        "/sign-in/../l/b{}",
        "/healthz/../l/b{}",
        "/l/a/static/../../b{}",
    ),
    *("http://x/l/b{}", "http://x//l/b{}", "https://b/l/b{}", "http://x:80/l/a/../b{}", "http://a@x/l/b{}", "{}", "//{}", "/l/{}"),
    *(
        "/l/\u00f1/../b{}",
        "/l/b%c0%af{}",
        "/l/%c0%ae%c0%ae/b{}",
        "/l/b%0d%0aX:y{}",
        "/l/b%20{}",
        "/l/b%09{}",
        "/l/ b{}",
        "*",
        "b:443",
    ),
)
ASKED = ("/v1/view", "/v1/ledger", "/v1/entries/0", "/v1/events", "/checkpoint", "/", "/datasets", "/metrics")
HEADS = (
    {},
    {"X-Original-URL": "/l/b/v1/view", "X-Rewrite-URL": "/l/b/v1/view"},
    {"X-Forwarded-Prefix": "/l/b", "X-Script-Name": "/l/b", "SCRIPT_NAME": "/l/b", "X-Root-Path": "/l/b"},
    {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "b", "X-Forwarded-Proto": "https", "Forwarded": "for=127.0.0.1;host=b"},
    {"X-HTTP-Method-Override": "OPTIONS", "X-Method-Override": "HEAD", "X-HTTP-Method": "GET"},
    {"X-Muniment-Ledger": "b", "Muniment.caller": "admin", "X-User": "admin", "Remote-User": "admin"},
)


@pytest.fixture(scope="module")
def served(kept: dict[str, Kept]) -> Iterator[Running]:
    """`muniment serve` as it is, over all three."""
    ledgers = "".join(f'[[ledgers]]\nname = "{name}"\nhome = "{each.home.folder}"\n' for name, each in kept.items() if name)
    limits = "[limits]\nrequests_per_second = 1000000\nanonymous_per_second = 1000000\n"
    root = f'[[ledgers]]\nname = ""\nhome = "{kept[""].home.folder}"\n'
    state = kept[""].home.folder / "served"
    with processes.serving(None, config=f'state = "{state}"\n{limits}{root}{ledgers}') as running:
        yield running
        assert [line for line in running.log.read_text().splitlines() if "a request failed" in line] == []


def send(served: Running, target: bytes, method: str, token: str, heads: dict[str, str]) -> processes.Answer:
    said = {**heads, **({"authorization": f"Bearer {token}"} if token else {})}
    lines = [f"{name}: {value}" for name, value in said.items()]
    head = "\r\n".join(["host: x", "connection: close", *lines]).encode()
    with served.connect() as sock:
        sock.settimeout(processes.PATIENCE_SECONDS)
        sock.sendall(method.encode() + b" " + target + b" HTTP/1.1\r\n" + head + b"\r\n\r\n")
        return processes.parse(processes.drain(sock))


def leaked(answer: processes.Answer, kept: dict[str, Kept], but: str) -> list[str]:
    whole = f"{answer.headers} {answer.body.decode('latin-1')}"
    return [word for each in kept.values() if each.name != but for word in each.words if word in whole]


@pytest.fixture(scope="module")
def of_a(kept: dict[str, Kept], served: Running) -> str:
    """A token of the running server that may read one ledger."""
    file = store.open(kept[""].home.folder / "served")
    try:
        return Tokens(file).create(Wish(name="a", scopes=("admin",), ledgers=("a",)), "test").token
    finally:
        file.close()


def test_no_trick_with_an_address_leads_into_another_ledger(served: Running, of_a: str, kept: dict[str, Kept]) -> None:
    reached = 0
    for trick in TRICKS:
        for asked in ASKED:
            target = trick.replace("{}", asked).encode()
            for token in (of_a, ""):
                answer = send(served, target, "GET", token, {})
                assert leaked(answer, kept, "a" if token else "none") == [], (target, answer)
                reached += answer.status == 200
    assert reached > 0
    assert b"hidden-a" in send(served, b"/l/a/v1/view", "GET", of_a, {}).body


def test_no_header_and_no_method_leads_into_another_ledger(served: Running, of_a: str, kept: dict[str, Kept]) -> None:
    for heads in HEADS:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "GETX"):
            for path in ("/l/b/v1/view", "/v1/view", "/l/b/", "/", "/l/b/v1/blobs/" + kept["b"].blob, "/l/a/v1/view"):
                for token in (of_a, ""):
                    answer = send(served, path.encode(), method, token, heads)
                    assert leaked(answer, kept, "a" if token else "none") == [], (method, path, heads, answer)
                    if answer.status == 200 and method == "GET":
                        assert token
                        assert path.startswith("/l/a")


SEGMENTS = st.sampled_from(
    (
        *(
            "l",
            "a",
            "b",
            "q",
            "..",
            ".",
            "",
            "%2e%2e",
            "%2E.",
            "%2f",
            "%5c",
            "%00",
            "v1",
            "view",
            "ledger",
            "entries",
            "0",
            "events",
        ),
        *(
            "models",
            "checkpoint",
            "tile",
            "x001",
            "static",
            "badges",
            "datasets",
            "..;",
            "%25",
            "sign-in",
            "L",
            "V1",
            "healthz",
            "\u00e9",
        ),
    )
)


@given(
    parts=st.lists(SEGMENTS, min_size=1, max_size=8),
    joined=st.sampled_from(["/", "/", "/", "//", "%2f", "\\"]),
    start=st.sampled_from(["/", "/", "//", "http://x/", "", "/l/a/", "/l/b/"]),
    end=st.sampled_from(["", "", "/", "?", "?x=/../b", "#", ".", "%20", ";"]),
)
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_address_at_all_leads_into_another_ledger(
    served: Running, of_a: str, kept: dict[str, Kept], parts: list[str], joined: str, start: str, end: str
) -> None:
    target = (start + joined.join(parts) + end).encode()
    for token in (of_a, ""):
        answer = send(served, target, "GET", token, {})
        assert answer.status < 500, (target, answer)
        assert leaked(answer, kept, "a" if token else "none") == [], (target, answer)


def test_a_stream_tells_of_its_own_ledger_only(served: Running, of_a: str, kept: dict[str, Kept]) -> None:
    head = f"GET /l/{{}}/v1/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {of_a}\r\nlast-event-id: 1\r\n\r\n"
    with served.connect() as sock:
        sock.sendall(head.format("a").encode())
        heard = b""
        # First what is told of its own ledger, then whatever else comes.
        while b"hidden-a" not in heard and kept["a"].event.encode() not in heard:
            part = sock.recv(1 << 16)
            assert part, heard
            heard += part
        sock.settimeout(2)
        with suppress(TimeoutError):
            while part := sock.recv(1 << 16):
                heard += part
    assert not [word for name in ("b", "") for word in kept[name].words if word.encode() in heard]
    assert kept["b"].event.encode() not in heard
    with served.connect() as sock:
        sock.sendall(head.format("b").encode().replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        answer = processes.parse(processes.drain(sock))
    assert answer.status == 403
    assert leaked(answer, kept, "a") == []
