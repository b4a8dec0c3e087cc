"""Promise: who uses no terminal decides in the browser, with a key that only that browser has, over exactly what it shows.

A team with the policy `team` and a server as `muniment serve` puts it together. Ada trained a version and wants it deployed; the
ledger refuses until two approvers have spoken. Everything that Ben and Cleo do happens in a real Chromium, with a session made by
signing in with a token.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Request, expect

import exploring
from muniment.client import key_request, opening
from muniment.client.ledger import Ledger
from muniment.client.things import Version
from muniment.core.format import dsse
from muniment.core.rules import events
from muniment.core.rules.events import ApprovalDecided
from muniment.core.rules.policy import PolicyViolation
from muniment.server.access.tokens import Wish
from muniment.server.process.assembly import Assembled, assemble
from muniment.server.settings import Served, Settings

ORIGIN = "example.com/credit"
OTHER = "example.com/other"
REASON = "Geprüft: “zweite Sicht” ✓ 因果"
PHONE = {"width": 390, "height": 800}
FOCUSED = "(() => { const it = document.activeElement; return (it.labels?.[0] ?? it).textContent.trim(); })()"


class Office(NamedTuple):
    """A served ledger with a version that waits for approvals."""

    url: str
    home: Path
    version: Version
    assembled: Assembled
    shots: Path

    @property
    def approve(self) -> str:
        """The page on which the version is decided about."""
        return f"/approve/{self.version.digest}?environment=production"

    @contextmanager
    def as_ada(self) -> Iterator[Ledger]:
        """The ledger as Ada works with it, in a terminal."""
        with opening.open(self.home, actor="ada") as ledger:
            yield ledger

    def token(self, name: str, *scopes: str) -> str:
        """A token to sign in with."""
        return self.assembled.access.tokens.create(Wish(name=name, scopes=cast(Any, scopes)), by="test").token


@contextmanager
def serve(assembled: Assembled) -> Iterator[str]:
    """The whole application on a free port."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(cast(Any, assembled), log_level="critical", lifespan="on", access_log=False))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        threading.Event().wait(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def train(ada: Ledger, folder: Path) -> Version:
    """A version with a measurement; one before it runs in staging."""
    for name in ("train", "test"):
        (folder / f"{name}.csv").write_text(f"amount,paid\n{len(name)},1\n")
    loans = ada.dataset("loans", folder / "train.csv")
    holdout = ada.dataset("loans-test", folder / "test.csv")
    with ada.training("credit-risk", inputs={"training": loans}, parameters={"max_depth": 6}) as run:
        (folder / "model.bin").write_bytes(b"weights")
        version = run.register("credit-risk", folder / "model.bin")
    assert version is not None
    ada.evaluate(version, {"auc": 0.91}, dataset=holdout, role="test")
    return version


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("MUNIMENT_")]:
            patch.delenv(variable)
        patch.setenv("XDG_STATE_HOME", str(folder / "xdg"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.chdir(folder)
        with opening.init(folder / "ledger", origin=ORIGIN, actor="ada", policy="team") as ada:
            version = train(ada, folder)
        opening.init(folder / "other", origin=OTHER, actor="ada").close()
        ledgers = (Served(name="", home=folder / "ledger"), Served(name="other", home=folder / "other"))
        settings = Settings(ledgers=ledgers, state=folder / "state")
        assembled = assemble(settings)
        shots = folder / "shots"
        print(f"\nscreenshots: {shots}")
        try:
            with serve(assembled) as url:
                yield Office(url, folder / "ledger", version, assembled, shots)
        finally:
            assembled.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with exploring.chromium() as found:
        yield found


class Person:
    """Somebody with a browser: signs in, presses keys, and leaves a record of everything that the browser sent."""

    def __init__(self, office: Office, context: BrowserContext, name: str, *scopes: str) -> None:
        self.office = office
        self.name = name
        self.page = context.new_page()
        self.sent: list[tuple[str, str]] = []
        self.complaints: list[str] = []
        self.page.on("request", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.goto(f"{office.url}/sign-in")
        self.page.locator("#token").fill(office.token(name, *(scopes or ("read", "write"))))
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{office.url}/")

    def _note(self, request: Request) -> None:
        self.sent.append((request.url, request.post_data or ""))

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole page."""
        self.page.screenshot(path=self.office.shots / f"{name}.png", full_page=True)

    def go(self, path: str) -> None:
        self.page.goto(self.office.url + path)

    def tab_to(self, label: str) -> None:
        """Move on with the tabulator until something of this name has the focus."""
        for _ in range(120):
            self.page.keyboard.press("Tab")
            found = self.page.evaluate(FOCUSED)
            if found.startswith(label):
                return
        raise AssertionError(f"the tabulator does not reach {label!r}")

    def make_key(self, actor: str | None = None) -> str:
        """Make a key on /keys, with the keyboard alone; the request's line."""
        self.go("/keys")
        expect(self.page.locator("#making")).to_be_visible()
        self.tab_to("Your name in the ledger")
        self.page.keyboard.type(actor or self.name)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#held-state")).to_contain_text("is made and kept in this browser")
        return self.page.locator("#held-list .line").first.text_content() or ""

    def posted(self, path: str) -> list[Any]:
        """The JSON bodies that went to a path."""
        return [json.loads(body) for url, body in self.sent if url.endswith(path) and body]

    def look(self, reason: str = REASON, decision: str = "Approve") -> str:
        """Fill in the form, with the keyboard alone; the statement on the sheet."""
        self.go(self.office.approve)
        expect(self.page.locator("#decide")).to_be_visible()
        if decision != "Approve":
            self.page.get_by_label(decision, exact=True).check()
        self.tab_to("Reason")
        self.page.keyboard.insert_text(reason)
        self.tab_to("Show what I will sign")
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#sheet")).to_be_visible()
        expect(self.page.locator("#sheet h2")).to_be_focused()
        return self.page.locator("#sheet .statement").text_content() or ""

    def sign(self) -> None:
        """Sign and send, with the keyboard alone."""
        self.tab_to("Sign as")
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#sheet-outcome h2")).to_be_focused()


@pytest.fixture
def person(office: Office, browser: Browser) -> Iterator[Any]:
    """Makes persons, each with a browser of their own."""
    contexts: list[BrowserContext] = []
    people: list[Person] = []

    def enter(name: str, *scopes: str, **options: Any) -> Person:
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(exploring.PATIENCE_MS)
        people.append(Person(office, contexts[-1], name, *scopes))
        return people[-1]

    yield enter
    complaints = [said for each in people for said in each.complaints]
    for context in contexts:
        context.close()
    assert complaints == []


def check_signed(sent: Any, shown: str, key: str) -> ApprovalDecided:
    """The envelope that was posted: signed by this key over exactly the bytes that were shown."""
    envelope = dsse.decode(json.dumps(sent["entries"][0], separators=(",", ":")).encode())
    assert dsse.open(envelope) == shown.encode()
    assert envelope.key.hex() == key
    event = events.decode(envelope.payload)
    assert isinstance(event, ApprovalDecided)
    return event


def test_two_people_approve_in_their_browsers(office: Office, person: Any) -> None:
    deny_deployment(office)
    ada, ben, cleo = person("ada", "read", "write", "admin"), person("ben"), person("cleo")
    lines = {each.name: each.make_key() for each in (ada, ben, cleo)}
    assert key_request.parse(lines["ben"]).actor == "ben"
    ben.shoot("keys-waiting")
    with office.as_ada() as ledger:
        ledger.keys.admit(lines["ada"])
        ledger.keys.admit(lines["cleo"], roles=["approver"])
    admit_in_the_browser(ada, lines["ben"])
    for each in (ben, cleo):
        key = key_request.parse(lines[each.name]).key
        shown = each.look()
        each.shoot(f"sheet-{each.name}")
        check_sheet(each, shown)
        each.sign()
        expect(each.page.locator("#sheet-outcome h2")).to_have_text("Recorded")
        expect(each.page.locator("#sheet-outcome .state")).to_have_text("Your browser has verified the receipt.")
        each.shoot(f"recorded-{each.name}")
        (sent,) = each.posted("/v1/entries")
        event = check_signed(sent, shown, key)
        assert (event.actor, event.decision, event.of.environment) == (each.name, "approve", "production")
        assert [opening["value"] for opening in sent["disclosures"]] == [REASON]
        if each is ben:
            deny_deployment(office)
    with office.as_ada() as ledger:
        assert ledger.deploy(office.version, "production").index is not None
    ben.go(office.approve)
    expect(ben.page.locator("#decided + *")).to_contain_text(REASON)


def deny_deployment(office: Office) -> None:
    with office.as_ada() as ledger, pytest.raises(PolicyViolation, match="approval"):
        ledger.deploy(office.version, "production")


def admit_in_the_browser(ada: Person, line: str) -> None:
    """Ada lets Ben in with the key of her own browser."""
    ada.go("/keys")
    ada.shoot("keys-admin")
    item = ada.page.locator(f'li[data-request="{line}"]')
    expect(item.locator(".fingerprint")).to_have_text(key_request.parse(line).fingerprint)
    item.get_by_role("button", name="Admit it here").click()
    expect(ada.page.locator("#admit-facts .fingerprint")).to_have_text(key_request.parse(line).fingerprint)
    ada.page.get_by_role("button", name="Show what I will sign").click()
    expect(ada.page.locator("#roles-error")).to_contain_text("at least one role")
    ada.page.get_by_label("approver", exact=True).check()
    ada.page.get_by_label("I compared the fingerprint").check()
    ada.page.get_by_role("button", name="Show what I will sign").click()
    expect(ada.page.locator("#sheet .words")).to_contain_text("approver")
    ada.shoot("admission")
    ada.sign()
    expect(ada.page.locator("#sheet-outcome h2")).to_have_text("Recorded")
    expect(item).to_have_count(0)


def check_sheet(person: Person, shown: str) -> None:
    """The sheet says everything in words, with the SHA-256 of the bytes."""
    words = person.page.locator("#sheet .words")
    for said in (person.name, REASON, "production", person.office.version.digest, "Approve"):
        expect(words).to_contain_text(said)
    assert person.page.locator("#sheet .sum code").text_content() == hashlib.sha256(shown.encode()).hexdigest()
    assert person.posted("/v1/entries") == [], "nothing is sent before it is signed"


def approvals_that_count(office: Office) -> list[str]:
    with office.as_ada() as ledger:
        return ledger.open_approvals(office.version.digest, "production")


def test_a_stranger_does_not_count(office: Office, person: Any) -> None:
    """Whoever may write to the server, with a key that nobody has admitted."""
    mallory, before = person("mallory"), approvals_that_count(office)
    mallory.make_key("ben")
    mallory.look("I am Ben, believe me.")
    expect(mallory.page.locator("#key-standing")).to_contain_text("Until somebody admits it, the ledger refuses what it signs.")
    mallory.sign()
    expect(mallory.page.locator("#sheet-outcome h2")).to_have_text("Refused")
    reasons = mallory.page.locator("#sheet-outcome .reasons")
    expect(reasons).to_contain_text("Rule: key")
    mallory.shoot("refused-stranger")
    assert approvals_that_count(office) == before


def test_the_trainer_does_not_approve(office: Office, person: Any) -> None:
    """Ada holds an admitted key, may approve what others made, and trained this version herself."""
    ada, before = person("ada"), approvals_that_count(office)
    line = ada.make_key()
    with office.as_ada() as ledger:
        ledger.keys.admit(line)
        ledger.keys.assign("ada", roles=["admin", "approver", "deployer", "trainer"])
    ada.look()
    expect(ada.page.locator("#key-standing")).to_contain_text(
        "ada cannot approve it for production, having trained and registered it"
    )
    ada.sign()
    expect(ada.page.locator("#sheet-outcome .reasons")).to_contain_text("The trainer is ada.")
    expect(ada.page.locator("#sheet-outcome .reasons")).to_contain_text("Rule: separation")
    ada.shoot("refused-trainer")
    assert approvals_that_count(office) == before


def test_the_private_key_never_leaves(office: Office, person: Any) -> None:
    """No script can take it out, it is stored as a handle alone, and nothing that was sent holds more than its public half."""
    dan = person("dan")
    key = key_request.parse(dan.make_key()).key
    held = dan.page.evaluate(
        """async () => {
            const { listKeys } = await import("/static/browser_keys.js");
            const { origin, ledger } = document.getElementById("keyring").dataset;
            const [held] = await listKeys(origin, ledger);
            const take = (form) => crypto.subtle.exportKey(form, held.signer).then(() => "out", (error) => error.name);
            const tried = ["raw", "pkcs8", "jwk"].map(take);
            return {
                key: held.key, fields: Object.keys(held).sort(), extractable: held.signer.extractable, usages: held.signer.usages,
                type: held.signer.type, tried: await Promise.all(tried), local: localStorage.length + sessionStorage.length,
            };
        }"""
    )
    assert (held["key"], held["extractable"], held["usages"], held["type"]) == (key, False, ["sign"], "private")
    assert "out" not in held["tried"]
    assert held["local"] == 0
    assert held["fields"] == ["actor", "key", "kind", "ledger", "line", "madeAt", "origin", "signer"]
    (sent,) = dan.posted("/v1/requests")
    assert list(sent) == ["request"]
    asked = key_request.parse(sent["request"])
    assert (asked.actor, asked.kind, asked.origin, asked.key) == ("dan", "person", ORIGIN, key)
    dan.page.get_by_text("Forget this key").click()
    dan.page.get_by_role("button", name="Forget the key").click()
    expect(dan.page.locator("#held-state")).to_contain_text("None yet.")
    assert all(each.key != key for each in office.assembled.access.requests.list("", None))


def test_a_key_is_for_one_ledger(office: Office, person: Any) -> None:
    """Another ledger of the same server neither shows the key nor takes its request."""
    leo = person("leo")
    line = leo.make_key()
    leo.go("/l/other/keys")
    expect(leo.page.locator("#making")).to_be_visible()
    expect(leo.page.locator("#held-state")).to_have_text("None yet.")
    leo.page.get_by_label("Your name in the ledger").fill("leo")
    leo.page.keyboard.press("Enter")
    expect(leo.page.locator("#held-list li")).to_have_count(1)
    other = leo.page.locator("#held-list .line").text_content() or ""
    assert (key_request.parse(line).origin, key_request.parse(other).origin) == (ORIGIN, OTHER)
    assert key_request.parse(line).key != key_request.parse(other).key
    assert len(office.assembled.access.requests.list("other", None)) == 1


def test_only_what_stands_on_the_sheet_is_signed(office: Office, person: Any) -> None:
    """Another decision in the form takes the sheet away, and a text that was changed on the sheet is not signed."""
    eve = person("eve")
    key = key_request.parse(eve.make_key()).key
    with office.as_ada() as ledger:
        ledger.keys.admit(eve.page.locator("#held-list .line").first.text_content() or "", roles=["approver"])
    first = eve.look("first")
    eve.page.get_by_label("Reject", exact=True).check()
    expect(eve.page.locator("#sheet")).to_be_hidden()
    assert eve.page.locator("#sheet .statement").text_content() == ""
    eve.page.get_by_label("Agree under conditions", exact=True).check()
    eve.page.get_by_role("button", name="Show what I will sign").click()
    expect(eve.page.locator("#conditions-error")).to_have_text("Say what must be met.")
    expect(eve.page.locator("#conditions")).to_be_focused()
    eve.page.locator("#conditions").fill("Only for amounts below 1000 €.")
    eve.page.get_by_label("Counts until").fill("2001-01-01T00:00")
    eve.page.get_by_role("button", name="Show what I will sign").click()
    expect(eve.page.locator("#expires-error")).to_contain_text("is over")
    eve.page.get_by_label("Counts until").fill("2031-01-01T00:00")
    eve.page.get_by_role("button", name="Show what I will sign").click()
    expect(eve.page.locator("#sheet .words")).to_contain_text("2031-01-01 00:00:00 UTC")
    second = eve.page.locator("#sheet .statement").text_content() or ""
    assert second != first
    eve.page.evaluate("document.querySelector('#sheet .statement').firstChild.data += ' '")
    eve.page.get_by_role("button", name="Sign as").click()
    expect(eve.page.locator("#sheet .state")).to_contain_text("has changed the text on the sheet")
    assert eve.posted("/v1/entries") == []
    eve.page.evaluate("(text) => { document.querySelector('#sheet .statement').textContent = text; }", second)
    eve.sign()
    expect(eve.page.locator("#sheet-outcome h2")).to_have_text("Recorded")
    (sent,) = eve.posted("/v1/entries")
    event = check_signed(sent, second, key)
    assert (event.decision, event.expires_at) == ("conditional", "2031-01-01T00:00:00.000000Z")
    assert sorted(opening["value"] for opening in sent["disclosures"]) == ["Only for amounts below 1000 €.", "first"]


def test_a_rejection_is_taken_back(office: Office, person: Any) -> None:
    """Who rejected takes it back, in the same way; meanwhile nothing is put into service."""
    hal = person("hal")
    with office.as_ada() as ledger:
        ledger.keys.admit(hal.make_key(), roles=["approver"])
    hal.look("It drifts.", decision="Reject")
    hal.sign()
    expect(hal.page.locator("#sheet-outcome h2")).to_have_text("Recorded")
    hal.look("I read the wrong report.", decision="Take a decision back")
    expect(hal.page.locator("#meaning-field")).to_be_hidden()
    expect(hal.page.locator("#sheet .words")).to_contain_text("hal rejected it")
    hal.shoot("taking-back")
    hal.sign()
    expect(hal.page.locator("#sheet-outcome h2")).to_have_text("Recorded")
    rejected, revoked = (
        events.decode(dsse.decode(json.dumps(each["entries"][0], separators=(",", ":")).encode()).payload)
        for each in hal.posted("/v1/entries")
    )
    assert isinstance(rejected, ApprovalDecided)
    assert isinstance(revoked, ApprovalDecided)
    assert (rejected.decision, revoked.decision, revoked.revokes) == ("reject", "revoke", rejected.event_id)


def test_a_forged_receipt_is_not_called_recorded(office: Office, person: Any) -> None:
    """A server that says "admitted" without having written anything."""
    finn = person("finn")
    with office.as_ada() as ledger:
        ledger.keys.admit(finn.make_key(), roles=["approver"])

    def forge(route: Any) -> None:
        answer = route.fetch().json()
        answer["verdicts"][0]["index"] -= 1
        route.fulfill(json=answer)

    finn.page.route("**/v1/entries", forge)
    finn.look()
    finn.sign()
    expect(finn.page.locator("#sheet-outcome h2")).to_have_text("Do not rely on it")
    expect(finn.page.locator("#sheet-outcome .told")).to_contain_text("Code: inclusion")
    assert "good" not in (finn.page.locator("#sheet-outcome").get_attribute("class") or "")
    finn.shoot("forged")


def test_an_answer_that_is_lost_can_be_asked_for_again(office: Office, person: Any) -> None:
    gus = person("gus")
    with office.as_ada() as ledger:
        ledger.keys.admit(gus.make_key(), roles=["approver"])
    gus.look()

    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    gus.page.route("**/v1/entries", lose, times=1)
    gus.tab_to("Sign as")
    gus.page.keyboard.press("Enter")
    expect(gus.page.locator("#sheet .state")).to_contain_text("Whether it was recorded is not known.")
    gus.page.get_by_role("button", name="Send it again").press("Enter")
    expect(gus.page.locator("#sheet-outcome h2")).to_have_text("Recorded")
    first, second = gus.posted("/v1/entries")
    assert first == second
    gus.complaints.clear()


def test_what_would_change_is_shown(office: Office, person: Any) -> None:
    """A version that came from the one that runs: what differs, for whom approvals are, and that it was measured by nobody yet."""
    with office.as_ada() as ledger:
        (office.home.parent / "next.bin").write_bytes(b"other weights")
        second = ledger.register("credit-risk", office.home.parent / "next.bin", parents=[office.version], derivation="finetuned")
    kim = person("kim", "read")
    kim.go(f"/approve/{second.digest}")
    kim.page.get_by_role("link", name="production").first.click()
    expect(kim.page.locator("h1")).to_have_text("Decide about credit-risk@2 for production")
    expect(kim.page.locator("main")).to_contain_text("credit-risk@1, which runs there now, and credit-risk@2")
    expect(kim.page.get_by_role("table", name="What it is")).to_contain_text("finetuned")
    expect(kim.page.locator("main")).to_contain_text("Missing: 2 more approvals by approver.")
    expect(kim.page.locator("main")).to_contain_text("You are signed in to read.")
    expect(kim.page.locator("#obstacle")).to_contain_text("This browser holds no key for this ledger yet.")
    check_page(kim, "difference")


def test_without_a_script_the_same_facts_and_a_command(office: Office, person: Any) -> None:
    ida = person("ida", "read", java_script_enabled=False)
    ida.go(office.approve)
    text = ida.page.locator("main").inner_text()
    for said in (
        "credit-risk@1",
        office.version.digest[:8],
        "ada cannot approve it for production",
        "muniment approve credit-risk@1 production",
    ):
        assert said in text, said
    expect(ida.page.locator("#decide")).to_be_hidden()
    ida.shoot("approve-without-script")
    ida.go("/keys")
    expect(ida.page.locator("main")).to_contain_text(f"muniment keys request --origin {ORIGIN} --actor NAME")
    ida.shoot("keys-without-script")


@pytest.mark.parametrize("name", ["wide", "phone"])
def test_the_pages_are_for_everybody(office: Office, person: Any, name: str) -> None:
    """axe finds nothing on the page of keys, on the form and on the sheet; nothing is wider than a telephone."""
    options: dict[str, Any] = {"viewport": PHONE} if name == "phone" else {}
    jan = person(f"jan-{name}", "read", "write", "admin", **options)
    with office.as_ada() as ledger:
        ledger.keys.admit(jan.make_key(), roles=["approver"])
    jan.go("/keys")
    expect(jan.page.locator("#held-list li")).to_have_count(1)
    check_page(jan, f"keys-{name}")
    jan.look()
    check_page(jan, f"approve-{name}")


def check_page(person: Person, name: str) -> None:
    for scheme in ("light", "dark"):
        person.page.emulate_media(color_scheme=cast(Any, scheme))
        person.shoot(f"{name}-{scheme}")
        found = Axe().run(person.page)
        assert found.violations_count == 0, found.generate_report()
    assert person.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window"
