"""Nothing comes into a ledger over HTTP that the rules refuse, whoever asks: a token's right never replaces a signature.

Events that are good, bad, sent again, changed, re-signed, of another ledger or by a stranger go through every endpoint that takes
something, beside a second ledger that is told the same in its own process. Verdict by verdict and root by root they are one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import machine
import makers
import serving
import strategies
from entering import bearer
from muniment.client import key_request
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.reach import Here
from muniment.client.writing import Writer
from muniment.core.format import dsse
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.core.rules import events
from muniment.core.rules.policy import Verdict
from muniment.errors import InvalidInput
from muniment.ledger.audit import audit
from muniment.ledger.embedded import Embedded
from muniment.ledger.pins import Pins
from muniment.ledger.signers import SeedSigner
from muniment.ledger.store.file import Store
from muniment.server.access.tokens import Wish
from muniment.server.hosting import Hosted, Hosting
from muniment.server.process.assembly import assemble
from muniment.server.settings import Limits, Served, Settings

STRANGER = SeedSigner(b"s" * 32)
LIMITS = Limits(requests_per_second=1_000_000)
WORDS = "abcdefgh"
NOTE: Mapping[str, object] = MappingProxyType({"about": ["policy"], "text": {"sealed": "A" * 43}})
# A ledger remembers what it was told, so nothing can be told again in a shorter way.
PHASES = (Phase.explicit, Phase.generate)


class Clock:
    """One clock for all, which stands still until it is told to go on, however often it is read."""

    def __init__(self) -> None:
        self.now = makers.NOON + 60_000_000

    def __call__(self) -> int:
        return self.now


class Pair(NamedTuple):
    """A served ledger, and its twin that nobody serves. `sent` are the entries that both have seen."""

    client: serving.Client
    served: Embedded
    twin: Embedded
    tokens: dict[str, str]
    sent: list[bytes]
    clock: Clock

    @property
    def ledger(self) -> str:
        return self.twin.ledger


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    (folder / "twin").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "xdg"))
        home = Home(folder / "home")
        home.folder.mkdir()
        Embedded.create(home.store, machine.founding(), makers.LOG, clock=makers.StepClock()).close()
        shutil.copy(home.store, folder / "twin" / "ledger.db")
        clock = Clock()
        served, twin = (Embedded(Store.open(path), makers.LOG, clock=clock) for path in (home.store, folder / "twin" / "ledger.db"))
        home.trust.write_text(trusts.format(Trust(makers.ORIGIN, served.ledger, (makers.VERIFIER,))))
        app = assemble(
            Settings(ledgers=(Served(name="", home=home.folder),), state=folder / "server", limits=LIMITS),
            opened=Hosting((host(home, served, folder, clock),)),
        )
        try:
            with serving.asking(app) as client:
                scopes = ("read", "write", "admin")
                made = {each: app.access.tokens.create(Wish(name=each, scopes=(each,)), by="test").token for each in scopes}
                yield Pair(client, served, twin, made, [], clock)
            # Whatever came in, in whatever way: run again from the beginning, all of it is admitted, to the same roots.
            assert audit(twin.view, makers.VERIFIER).replayed
        finally:
            app.close()
            twin.close()


def host(home: Home, engine: Embedded, folder: Path, clock: Clock) -> Hosted:
    """The ledger as the server holds it: the clock is the test's, so that its twin can have the same."""
    reader = Embedded(Store.open(home.store), None, clock=clock)
    writer = Writer(home, Here(home, reader), home.load_trust(), Pins(folder / "pins"), None)
    return Hosted(Served(name="", home=home.folder), home, Ledger(writer, None), writer, engine)


# What is submitted.


def plain(ledger: str) -> st.SearchStrategy[bytes]:
    """Events that make sense together, by those who may and those who may not."""
    name, digest = (
        st.sampled_from(WORDS),
        st.sampled_from(WORDS).map(lambda letter: letter.replace("g", "0").replace("h", "1") * 64),
    )
    actor = st.sampled_from(["ada", "ada", "ada", "ci", "bob", "eve"])
    made = st.one_of(
        st.builds(lambda n: ("system.registered", {"name": n, "operatorRole": "provider"}), name),
        st.builds(lambda n, d: ("dataset.registered", {"name": n, "data": d, "bytes": 1, "files": 1}), name, digest),
        st.builds(lambda n, v: ("model.registered", {"model": n, "version": v, "derivation": "trained"}), name, digest),
        st.builds(
            lambda n, v, t: ("deployment.changed", {"transition": t, "environment": "production", "name": n, "version": v}),
            name,
            digest,
            st.sampled_from(["start", "stop"]),
        ),
        st.just(("note.added", dict(NOTE))),
    )
    return st.builds(
        lambda said, who: makers.sign(ledger, said[0], machine.signer_of(who), who, makers.random_id(), **said[1]), made, actor
    )


def drawn(ledger: str) -> st.SearchStrategy[bytes]:
    """Any valid event at all, signed by whom it names."""
    whole = st.sampled_from(["ada", "ci", "bob", "eve"]).flatmap(
        lambda who: strategies.events(ledger=ledger, actor=who).map(lambda event: (who, event))
    )
    return whole.map(lambda one: _sign(one[1], machine.signer_of(one[0]))).filter(lambda raw: raw != b"")


def _sign(event: events.Event, signer: SeedSigner) -> bytes:
    try:
        return dsse.encode(dsse.sign(events.encode(msgspec.structs.replace(event, event_id=makers.random_id())), signer))
    except InvalidInput:
        # A few of those that the types allow are too long for an entry.
        return b""


def spoil(raw: bytes, how: str, at: int) -> bytes:
    """The same event, as somebody would send it who may not write it."""
    whole = json.loads(raw)
    (signature,) = whole["signatures"]
    if how == "unsigned":
        whole["signatures"] = []
    elif how == "empty":
        signature["sig"] = ""
    elif how == "zeroes":
        signature["sig"] = "A" * 86 + "=="
    elif how == "signature":
        place = at % 80
        signature["sig"] = (
            signature["sig"][:place] + ("B" if signature["sig"][place] == "A" else "A") + signature["sig"][place + 1 :]
        )
    elif how == "payload":
        text = dsse.decode(raw).payload
        return dsse.encode(msgspec.structs.replace(dsse.decode(raw), payload=text.replace(b'"ada"', b'"ci"', 1) + b" " * (at % 2)))
    elif how == "key":
        signature["keyid"] = STRANGER.public_key.hex()
    elif how == "twice":
        whole["signatures"] = [signature, signature]
    elif how == "type":
        whole["payloadType"] = "text/plain"
    elif how == "spaces":
        return json.dumps(whole, indent=1).encode()
    elif how == "stranger":
        return machine.sign_again(raw, STRANGER)
    elif how == "another":
        return machine.sign_again(raw, machine.signer_of("bob"))
    return json.dumps(whole, separators=(",", ":")).encode()


HOW = ("unsigned", "empty", "zeroes", "signature", "payload", "key", "twice", "type", "spaces", "stranger", "another")
FOREIGN = "f" * 64


KINDS = (*["plain"] * 8, "drawn", "drawn", "again", "again changed", "spoilt", "foreign", "unknown")
Recipe = tuple[str, bytes, str, int]


@st.composite
def recipes(draw: st.DrawFn, ledger: str) -> Recipe:
    """What is to be sent, and how it is to be changed. What was sent before is chosen by a number, as nobody knows it yet."""
    kind = draw(st.sampled_from(KINDS))
    raw = draw(drawn(ledger) if kind == "drawn" else plain(FOREIGN if kind == "foreign" else ledger))
    return kind, raw, draw(st.sampled_from(HOW)), draw(st.integers(0, 10_000))


def prepare(pair: Pair, recipe: Recipe) -> bytes:
    """One entry: good, or not."""
    kind, raw, how, number = recipe
    if kind.startswith("again") and pair.sent:
        known = pair.sent[number % len(pair.sent)]
        if kind == "again":
            return known
        # The same id for something else, by somebody who may write.
        event_id = json.loads(dsse.decode(known).payload)["predicate"]["eventId"]
        return makers.sign(pair.ledger, "note.added", makers.ADA, "ada", event_id, **NOTE)
    if kind == "unknown":
        return makers.sign(pair.ledger, "note.added", STRANGER, "zed", makers.random_id(), **NOTE)
    return spoil(raw, how, number) if kind == "spoilt" else raw


def body(raws: list[bytes]) -> bytes:
    return b'{"entries":[' + b",".join(raws) + b"]}"


def run(pair: Pair, raws: list[bytes], token: str) -> None:
    """Send a request, and tell the twin the same."""
    headers, before = bearer(pair.tokens[token]), root(pair.served)
    pair.clock.now += 1_000_000
    for path, ask in (("/v1/judgements", pair.twin.judge), ("/v1/entries", pair.twin.append)):
        answer = pair.client.post(path, content=body(raws), headers=headers)
        expected = told(partial(ask, raws))
        if isinstance(expected, InvalidInput):
            assert (answer.status_code, answer.json()["code"]) == (400, expected.code), answer.text
            assert root(pair.served) == before == root(pair.twin)
            continue
        assert answer.status_code == 200, answer.text
        said = [
            (each["decision"], each["eventId"], each.get("index", -1), [reason["rule"] for reason in each.get("reasons", [])])
            for each in answer.json()["verdicts"]
        ]
        if path == "/v1/judgements":
            # A dry run says no place for what is not in the ledger yet.
            rehearsed = [(each.decision, each.event_id, each.index if each.decision == "repeated" else -1) for each in expected]
            assert [each[:3] for each in said] == rehearsed
            assert root(pair.served) == before
            continue
        assert said == [(each.decision, each.event_id, each.index, [one.rule for one in each.reasons]) for each in expected]
        pair.sent.extend(raw for raw, each in zip(raws, expected, strict=True) if each.decision == "admitted")
    assert root(pair.served) == root(pair.twin)


def told(ask: Callable[[], list[Verdict]]) -> list[Verdict] | InvalidInput:
    """What the twin says to a request."""
    try:
        return ask()
    except InvalidInput as refused:
        return refused


def root(engine: Embedded) -> bytes:
    """The signed checkpoint: origin, size and root."""
    with engine.view() as view:
        return view.checkpoint


def test_verdict_by_verdict_and_root_by_root(pair: Pair, long: bool) -> None:
    @settings(
        max_examples=3_000 if long else 120,
        deadline=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
        derandomize=not long,
    )
    @given(recipe=st.lists(recipes(pair.ledger), min_size=1, max_size=5), token=st.sampled_from(["admin", "write"]))
    def tell(recipe: list[Recipe], token: str) -> None:
        run(pair, [prepare(pair, each) for each in recipe], token)

    tell()
    assert len(pair.sent) > 20


@pytest.mark.parametrize("how", HOW)
def test_the_token_of_an_administrator_is_no_signature(pair: Pair, how: str) -> None:
    raw = makers.sign(
        pair.ledger, "system.registered", makers.ADA, "ada", makers.random_id(), name=f"s-{how}", operatorRole="provider"
    )
    before = root(pair.served)
    for raws in ([spoil(raw, how, 5)], [raw, spoil(raw, how, 5)]):
        answer = pair.client.post("/v1/judgements", content=body(raws), headers=bearer(pair.tokens["admin"]))
        refused = answer.status_code == 400 or answer.json()["verdicts"][-1]["decision"] == "refused"
        # The same statement by another key that is nobody's is still the first one's to be repeated: nothing new comes in.
        assert refused or (len(raws) == 2 and answer.json()["verdicts"][-1]["decision"] == "repeated"), answer.text
    answer = pair.client.post("/v1/entries", content=body([spoil(raw, how, 5)]), headers=bearer(pair.tokens["admin"]))
    assert answer.status_code == 400 or answer.json()["verdicts"][0]["decision"] == "refused"
    assert root(pair.served) == before
    run(pair, [spoil(raw, how, 5)], "admin") if answer.status_code == 400 else pair.twin.append([spoil(raw, how, 5)])


def test_no_other_endpoint_writes_an_entry(pair: Pair) -> None:
    """Whatever is put there, the ledger stays as it is: requests for keys, blobs, identities, answers, webhooks, tokens."""
    before = root(pair.served)
    raw = makers.sign(
        pair.ledger, "system.registered", makers.ADA, "ada", makers.random_id(), name="hidden", operatorRole="provider"
    )
    line = key_request.format(key_request.make(makers.ORIGIN, "zed", "person", STRANGER))
    bodies = (body([raw]), raw, b"{}", json.dumps({"request": line}).encode(), b'{"name":"x"}', b'{"url":"https://example.com/"}')
    document = pair.client.get("/v1/openapi.json").json()
    tried = 0
    for path, item in document["paths"].items():
        for method in set(item) & {"post", "put", "delete", "patch"}:
            if path == "/v1/entries":
                continue
            for content in bodies:
                target = path.replace("{digest}", "0" * 64).replace("{root}", "0" * 64)
                answer = pair.client.request(method, target, content=content, headers=bearer(pair.tokens["admin"]))
                assert answer.status_code < 500, (path, answer.text)
                tried += 1
    assert tried > 60
    assert root(pair.served) == before
    # That a key was asked for makes its holder nobody.
    event = makers.sign(pair.ledger, "note.added", STRANGER, "zed", makers.random_id(), **NOTE)
    run(pair, [event], "admin")
    assert root(pair.served) == before


def test_who_may_only_read_submits_nothing(pair: Pair) -> None:
    before = root(pair.served)
    raw = makers.sign(pair.ledger, "note.added", makers.ADA, "ada", makers.random_id(), **NOTE)
    for path in ("/v1/entries", "/v1/judgements"):
        for headers, status in ((bearer(pair.tokens["read"]), 403), ({}, 401)):
            assert pair.client.post(path, content=body([raw]), headers=headers).status_code == status
    assert root(pair.served) == before
