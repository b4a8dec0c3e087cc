"""The whole interface is what its description says: no answer that is not described, and every one that is can be had.

Schemathesis asks everything of a real server, with an administrator's token, with one that may only read, and with none. In full
(`--long`) it tries a hundred times as many requests.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import jsonschema_rs
import msgspec
import pytest

import credit
import entering
import makers
import processes
import providing
from entering import Entered, bearer
from muniment.client import capturing, key_request, opening
from muniment.client import identity as enrolling
from muniment.client.home import Home
from muniment.core.rules import genesis
from muniment.ledger import signers
from muniment.ledger.signers import SeedSigner
from muniment.server.access.oidc import Providers
from muniment.server.caller import Scope
from muniment.server.settings import Provider
from muniment.server.standing import Alarm, PeerStanding, Standing

ORIGIN = "example.com/credit"
# Nothing of this is about limits, and a test has one address for everybody.
LIMITS = "[limits]\nrequests_per_second = 100000\nanonymous_per_second = 100000\n"
WORKLOADS = Provider(
    name="build",
    issuer=providing.ISSUER,
    audience=providing.AUDIENCE,
    scopes=("read",),
    claims={"repository": "org/credit"},
    ephemeral=True,
)
NOT_CHECKED = (
    # What a schema cannot say is refused with 400: a claim that is made of versions only, a size beyond the ledger, a signature.
    "positive_data_acceptance",
    # It tries tokens that nobody made, again and again, and is told to slow down. test_scopes.py tries them all.
    "ignored_auth",
)

STANDING = Standing(
    organisation="bank",
    origin=ORIGIN,
    ledger="0" * 64,
    release="0.1.0",
    time="2026-11-23T12:00:00.000000Z",
    height=1,
    size=3,
    sealed="2026-11-23T12:00:00.000000Z",
    engine="running",
    engine_height=2,
    engine_peers=3,
    waiting=0,
    members=("bank", "lab"),
    quorum=2,
    publisher="bank",
    protocol=1,
    peers=(PeerStanding(organisation="lab", url="http://127.0.0.1:1", reached=True),),
    alarms=(Alarm(code="disk", text="10 MB are free", since="2026-11-23T12:00:00.000000Z"),),
)

Json = dict[str, Any]


class Story(NamedTuple):
    """A ledger in which something of everything happened, and what it is called."""

    home: Home
    data: str
    version: str
    second: str
    run: str
    sealed: str
    blob: str
    ledger: str


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "xdg"))
        yield tell(folder)


def tell(folder: Path) -> Story:
    """A life with a run, evaluations, decisions, deployments, a hold, notes, a plan, and a service that admits keys."""
    home = Home(folder / "ledger")
    with opening.init(home.folder, origin=ORIGIN, actor="alice") as ledger:
        lived = credit.live(ledger, folder)
        ledger.plan("credit-risk", "auc", "ge", 0.9)
        with ledger.training("credit-risk", inputs={"training": lived.data}, parameters={"depth": 6}) as training:
            training.metric("auc", 0.91)
            training.output("matrix", folder / "data")
        ledger.note("credit-risk@1", "It was looked at.")
        ledger.change("credit-risk@1", "depth", 7, target="hyperparameter", reason="It learned too slowly.")
        held = ledger.hold("credit-risk@2", severity="low", impact="None yet.")
        ledger.release("credit-risk@2", outcome="There was none.")
        asked = enrolling.request(home, ORIGIN, "identity", "service")
        ledger.keys.admit(asked, roles=["owner"], responsible=["alice"])
        (home.blobs / "x").parent.mkdir(exist_ok=True)
        blob = str(ledger._writer.blobs.store(b"a log"))
        assert held.sealed
        assert training.id is not None
        sealed = home.vault.read_text().partition('"digest":"')[2][:43]
        return Story(home, lived.data.digest, lived.first.digest, lived.second.digest, training.id, sealed, blob, ledger.id)


@pytest.fixture(scope="module")
def door(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entered]:
    """The application of `muniment serve`, in this process, with a provider for workloads."""
    idp = providing.Pretended(providing.rsa())
    with pytest.MonkeyPatch.context() as patch:
        real = Providers.__init__
        patch.setattr(Providers, "__init__", lambda self, providers, *_: real(self, providers, idp.load))
        state = tmp_path_factory.mktemp("state") / "server"
        with entering.entered(
            story.home.folder, state=state, providers=(WORKLOADS,), identity_actor="identity", webhooks_private=True
        ) as entered:
            yield entered


@pytest.fixture(scope="module")
def document(door: Entered) -> Json:
    found: Json = door.client.get("/v1/openapi.json").json()
    return found


class Example(NamedTuple):
    """A request that is meant to be answered with what was asked for."""

    method: str
    path: str
    described: str
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = MappingProxyType({})


def read(path: str, described: str = "", method: str = "get") -> Example:
    return Example(method, path, described or path.partition("?")[0])


def readings(story: Story) -> Iterator[Example]:
    """A question for every operation that only reads the ledger."""
    version, data = story.version, story.data
    yield from (read(f"/v1/{each}") for each in ("actors", "datasets", "deployments", "environments", "events", "keys", "ledger"))
    yield from (
        read(f"/v1/{each}") for each in ("models", "openapi.json", "policy", "requests", "tokens", "view?from=3", "webhooks")
    )
    yield from (read(f"/v1/{each}?of=credit-risk@1") for each in ("impact", "lineage"))
    yield read("/v1/impact?of=loans@1&disclose=true")
    yield read("/v1/at?thing=production/credit-risk&time=now")
    yield read("/v1/blame?of=credit-risk@1&path=depth")
    yield read("/v1/claim?claim=on-hold&of=credit-risk@1")
    yield read("/v1/diff?a=credit-risk@1&b=credit-risk@2")
    yield read(f"/v1/gate?deployment=production/credit-risk&version={version}")
    yield read("/v1/heights?index=3")
    yield read("/v1/history?of=credit-risk@1&disclose=true")
    yield read("/v1/notes?of=credit-risk@1")
    yield read("/v1/proofs/consistency?old=3")
    yield read("/v1/proofs/inclusion?index=3&size=9")
    yield read("/v1/prove?thing=credit-risk@2&disclose=true")
    yield read("/v1/search?q=credit-risk&kind=model")
    for method in ("get", "head"):
        yield read(f"/v1/blobs/{story.blob}", "/v1/blobs/{digest}", method)
        yield read(f"/v1/manifests/{version}", "/v1/manifests/{root}", method)
    yield read("/v1/datasets/loans/versions", "/v1/datasets/{name}/versions")
    yield read(f"/v1/disclosures/{story.sealed}", "/v1/disclosures/{sealed}")
    yield from (read(f"/v1/entries/5{each}", f"/v1/entries/{{index}}{each}") for each in ("", "/decoded", "/receipt"))
    yield read("/v1/events/5", "/v1/events/{index}")
    yield read("/v1/headers/2", "/v1/headers/{height}")
    yield read(f"/v1/ids/{story.run}", "/v1/ids/{event_id}")
    yield from (read(f"/v1/models/credit-risk/{each}", f"/v1/models/{{model}}/{each}") for each in ("plans", "versions"))
    yield read(f"/v1/names/{data}", "/v1/names/{digest}")
    yield from (read(f"/v1/{each}/model/credit-risk", f"/v1/{each}/{{stream}}") for each in ("records", "streams"))
    yield read(f"/v1/runs/{story.run}", "/v1/runs/{event_id}")
    yield from (read(f"/v1/versions/{version}/{each}", f"/v1/versions/{{digest}}/{each}") for each in ("approvals", "evaluations"))


def writings(story: Story) -> Iterator[Example]:
    """What changes something in one request."""
    signer = signers.load_file(story.home.actor_key("alice"))
    for path in ("/v1/judgements", "/v1/entries"):
        raw = makers.sign(story.ledger, "system.registered", signer, "alice", makers.random_id(), name="s", operatorRole="provider")
        yield Example("post", path, path, content=b'{"entries":[' + raw + b"]}")
    yield Example("post", "/v1/answers", "/v1/answers", {"question": {"ask": "entry", "index": 5}, "disclose": True})
    yield Example("post", "/v1/bundles", "/v1/bundles", {"thing": "credit-risk@1", "disclose": True})
    blob = b"another log"
    yield Example("put", f"/v1/blobs/{hashlib.sha256(blob).hexdigest()}", "/v1/blobs/{digest}", content=blob)
    manifest = capturing.open_manifests(story.home.manifests).load(story.data)
    yield Example("put", f"/v1/manifests/{story.data}", "/v1/manifests/{root}", content=manifest)
    job = SeedSigner(b"j" * 32)
    proved = genesis.prove_key(ORIGIN, "ci-credit", job)
    token = providing.sign(providing.claims(repository="org/credit"))
    wanted = {"actor": "ci-credit", "key": proved.key, "proof": proved.proof}
    yield Example("post", "/v1/identity", "/v1/identity", wanted, headers=bearer(token))


def orders(door: Entered, headers: dict[str, str]) -> Iterator[Example]:
    """What is made, looked at and taken away again: tokens, requests for keys, webhooks."""
    post = door.client.post
    made = post("/v1/tokens", json={"name": "CI"}, headers=headers).json()["made"]["id"]
    yield Example("post", "/v1/tokens", "/v1/tokens", {"name": "CI", "scopes": ["write"], "environments": ["test"]})
    yield read(f"/v1/tokens/{made}", "/v1/tokens/{id}", "delete")
    lines = [key_request.format(key_request.make(ORIGIN, "bob", "person", SeedSigner(seed * 32))) for seed in (b"x", b"y")]
    waits = post("/v1/requests", json={"request": lines[0]}, headers=headers).json()["id"]
    yield Example("post", "/v1/requests", "/v1/requests", {"request": lines[1]})
    yield read(f"/v1/requests/{waits}", "/v1/requests/{id}", "delete")
    # Nobody listens there: that a delivery fails is an answer too.
    wish = {"url": "http://127.0.0.1:9/hook"}
    hook = post("/v1/webhooks", json=wish, headers=headers).json()["webhook"]["id"]
    yield Example("post", "/v1/webhooks", "/v1/webhooks", wish)
    path, described = f"/v1/webhooks/{hook}", "/v1/webhooks/{webhook}"
    yield read(path, described)
    yield from (Example("post", f"{path}/{each}", f"{described}/{each}") for each in ("ping", "enable", "secret"))
    yield Example("post", f"{path}/replay", f"{described}/replay", {"index": 5})
    yield read(f"{path}/deliveries", f"{described}/deliveries")
    yield read(path, described, "delete")


def test_every_operation_can_be_had(door: Entered, document: Json, story: Story) -> None:
    headers = bearer(door.token("admin"))
    answered = set()
    # As a node of a consortium says it; test_node_* ask real ones.
    door.app.litestar.state.standing = lambda: STANDING
    for example in (*readings(story), *writings(story), *orders(door, headers), read("/v1/trust"), read("/v1/standing")):
        answer = door.client.request(
            example.method, example.path, json=example.json, content=example.content, headers={**headers, **example.headers}
        )
        where = f"{example.method} {example.path}: {answer.text[:300]}"
        assert 200 <= answer.status_code < 300, where
        operation = document["paths"][example.described][example.method]
        check(document, operation, answer.status_code, answer.headers.get("content-type", ""), answer.content)
        if answer.headers.get("etag"):
            again = door.client.request(example.method, example.path, headers={**headers, "If-None-Match": answer.headers["etag"]})
            assert again.status_code in (200, 304), where
            assert str(again.status_code) in operation["responses"], where
        answered.add((example.described, example.method))
    described = {(path, method) for path, item in document["paths"].items() for method in item}
    # The stream never ends; tests/unit/server/test_stream.py reads it.
    assert described - answered == {("/v1/stream", "get")}


def check(document: Json, operation: Json, status: int, media: str, content: bytes) -> None:
    told = operation["responses"][str(status)].get("content", {})
    if not told:
        assert content == b""
        return
    schema = told[media.partition(";")[0]]["schema"]
    if media == "application/json":
        found = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"], **schema}
        jsonschema_rs.validator_for(found).validate(msgspec.json.decode(content))


def test_every_route_is_described_and_nothing_else(door: Entered, document: Json) -> None:
    found = set()
    for route in door.app.litestar.routes:
        path = re.sub(r"\{([a-z_]+):[a-z]+\}", r"{\1}", route.path)
        if not path.startswith("/v1/"):
            continue
        handlers = list(getattr(route, "route_handlers", ())) or [route.route_handler]  # type: ignore[attr-defined]
        for handler in handlers:
            methods = {str(each).lower() for each in getattr(handler, "http_methods", ())} - {"options"}
            found |= {(path, method) for method in methods}
            if not getattr(handler, "http_methods", ()):
                # Plain ASGI: the two that are too dear, or too long, for the framework.
                found |= {(path, {"/v1/entries": "post", "/v1/stream": "get"}[path])}
    described = {(path, method) for path, item in document["paths"].items() for method in item}
    # Names with slashes: one route takes what two or one are described as.
    rest = {("/v1/models/{rest}", "get"), ("/v1/datasets/{rest}", "get")}
    named = {("/v1/models/{model}/versions", "get"), ("/v1/models/{model}/plans", "get"), ("/v1/datasets/{name}/versions", "get")}
    assert rest <= found
    assert found - rest == described - named


# Who asks, how many examples of each operation, and in which ways: most for whom most is answered.
RUNS = (
    ("admin", 3, "examples,coverage,fuzzing"),
    ("read", 2, "examples,fuzzing"),
    ("nobody", 2, "examples,fuzzing"),
)


@pytest.mark.parametrize(("who", "examples", "phases"), RUNS, ids=[who for who, *_ in RUNS])
def test_nothing_is_answered_that_is_not_described(
    story: Story, who: str, examples: int, phases: str, long: bool, tmp_path: Path
) -> None:
    """A server for each: what one tries at the door would keep out the next one from the same address for a minute."""
    bearers = [] if who == "nobody" else [processes.token(story.home.folder, cast(Scope, who))]
    tried = (100 * examples, "examples,coverage,fuzzing,stateful") if long else (examples, phases)
    with processes.serving(story.home.folder, config=LIMITS) as served:
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{served.url}/v1/openapi.json"),
            *(f"--header=Authorization: Bearer {each}" for each in bearers),
            *("--exclude-path", "/v1/stream", "--max-examples", str(tried[0]), "--phases", tried[1], "--seed", "20261123"),
            *("--exclude-checks", ",".join(NOT_CHECKED), "--no-shrink", "--continue-on-failure", "--no-color"),
            *("--generation-database", "none", "--report", "json", "--report-json-path", str(tmp_path / "report.json")),
            *("--suppress-health-check", "all", "--request-timeout", "60"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        failed = [line for line in served.log.read_text().splitlines() if "a request failed" in line]
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert failed == []
