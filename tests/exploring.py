"""The pages as a visitor meets them: a ledger with some history, the whole server over it, and a real Chromium.

story = exploring.tell(tmp_path)                        # the history, over some days of March 2026
with exploring.serve(story, tmp_path) as site, exploring.chromium() as browser:
    with exploring.visit(browser, site) as page:        # signed in with a token; complaints of the browser fail the test
        page.goto("/models")
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from muniment.client import identity, key_request, opening
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.things import Dataset, Recorded, Version
from muniment.core.format import time as times
from muniment.core.rules.policy import PolicyViolation
from muniment.server.access.tokens import Wish
from muniment.server.process.assembly import Assembled, assemble
from muniment.server.settings import Limits, Served, Settings

ORIGIN = "example.com/credit"
PLACE = "production/credit-risk"
REASON = "The second review found nothing."
POLICY = """
founder = ["owner"]
hold-roles = ["owner"]
[roles]
owner = ["*"]
approver = ["approval.decided", "note.added"]
node = ["attempt.refused", "deployment.observed", "disclosure.made"]
[environments.production]
approvals = { approver = 1 }
separation = ["deployer"]
[environments.pilot]
"""
SETTINGS = ("HOME", "URL", "ACTOR", "TRUST", "STATE", "TOKEN")
PAGE_LIMITS = Limits(requests_per_second=100_000, anonymous_per_second=100_000)
_HOUR_NS = 3_600 * 10**9
PATIENCE_MS = 60_000
"""How long is waited for what a browser is to show; far more than it takes, for machines that have much else to do."""
# What a browser holds back, it says to the page and not to the network.
_LISTEN = (
    "addEventListener('securitypolicyviolation', event => console.error('policy:', event.violatedDirective, event.blockedURI))"
)


class Story(NamedTuple):
    """What happened in the ledger at `home`; days are those on which versions started, came after them, and came back."""

    home: Path
    folder: Path
    trust: str
    data: Dataset
    first: Version
    second: Version
    rejected: Version
    run: str
    commit: str
    incident: Recorded
    warning: Recorded
    lines: Path
    started: str
    promoted: str


class Clock:
    """A clock that only goes when it is told to."""

    def __init__(self, text: str) -> None:
        self.now = times.parse(text) * 1_000

    def __call__(self) -> int:
        return self.now

    def later(self, hours: int) -> None:
        """Let hours pass."""
        self.now += hours * _HOUR_NS


@contextmanager
def alone(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Neither this user's settings nor what his client remembers; the working folder is `folder`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SETTINGS:
            patch.delenv(f"MUNIMENT_{name}", raising=False)
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.chdir(folder)
        yield patch


def tell(folder: Path) -> Story:
    """Live the story in a folder: a model is trained, approved, replaced, put on hold and rolled back; its data are withdrawn."""
    (folder / "policy.toml").write_text(POLICY)
    clock = Clock("2026-03-02T08:00:00.000000Z")
    commit = _commit(folder)
    with alone(folder) as patch:
        patch.setattr("muniment.ledger.embedded.clocks.time_ns", clock)
        with opening.init(origin=ORIGIN, actor="alice", policy=str(folder / "policy.toml")) as alice:
            request = identity.request(Home(alice.home), alice.origin, "boris", "person")
            alice.keys.admit(key_request.format(request), roles=["approver"], reason="Boris decides what goes live.")
            with opening.open(alice.home, actor="boris") as boris:
                return _live(alice, boris, folder, clock, commit)


def _live(alice: Ledger, boris: Ledger, folder: Path, clock: Clock, commit: str) -> Story:
    lines = folder / "loans.csv"
    lines.write_text("amount,paid\n100,1\n")
    data = alice.dataset("loans", lines, licence="CC-BY-4.0", purposes=["credit-scoring"], origin="An export of the core system.")
    plan = alice.plan("credit-risk", "auc", "ge", "0.85", dataset=data, role="test", reason="Agreed with the bank.")
    with alice.training("credit-risk", inputs={"training": data}, parameters={"max_depth": 6, "objective": "binary"}) as run:
        for step in range(40):
            run.metric("auc", 0.5 + 0.4 * (1 - 0.9**step), step=step)
            run.metric("loss", 0.7 * 0.93**step, step=step)
        first = run.register("credit-risk", _write(folder, "one", "{}"))
    assert first is not None
    assert run.id is not None
    results = [
        {"metric": "auc", "value": "0.91"},
        {"metric": "auc", "value": "0.80", "slice": [{"key": "region", "value": "north"}]},
    ]
    measured = {"version": first.digest, "plan": plan.id, "data": data.digest, "datasetRole": "test", "results": results}
    alice.record("evaluation.completed", {**measured, "grade": "attested"})
    boris.approve(first, "production", reason=REASON)
    clock.later(24)
    started = alice.deploy(first, "production", reason="The first release.")
    second = alice.register("credit-risk", _write(folder, "two", '{"max_depth": 8}'), parents=[first], derivation="finetuned")
    boris.approve(second, "production", reason="Better in every slice.", expires_at="2026-03-20T00:00:00.000000Z")
    clock.later(48)
    promoted = alice.deploy(second, "production", reason="Better for everybody.")
    clock.later(5)
    incident = alice.incident(second, severity="high", hold=True, impact="Scores were too low in the north.")
    boris.note(f"incident/{incident.event_id}", "The feature store delivered nulls.")
    warning = boris.note(f"version/{second.digest}", "Do not bring this one back.")
    alice.rollback(PLACE, reason="Back to what worked.")
    clock.later(24)
    rejected = alice.register("credit-risk", _write(folder, "three", '{"max_depth": 9}'), data=[data], derivation="trained")
    boris.approve(rejected, "production", decision="reject", reason="The north is off by two points.")
    with pytest.raises(PolicyViolation):
        alice.deploy(rejected, "production")
    alice.waive("approvals", rejected, "pilot", until="2027-03-01T00:00:00.000000Z", measures="A person looks at each case.")
    alice.deploy(rejected, "pilot", name="shadow/eu")
    alice.change(rejected, "max_depth", 7, target="hyperparameter", reason="Trees were too shallow.")
    alice.register("team/fraud", _write(folder, "fraud", '{"a": 3}'), data=[data], derivation="trained")
    clock.later(24 * 10)
    alice.withdraw(data, cause="consent", remedy="Train again without it.")
    alice.offer("credit-risk", to="boris")
    days = [alice.time_of(each.index)[:10] for each in (started, promoted)]
    trust = Home(alice.home).trust.read_text()
    return Story(alice.home, folder, trust, data, first, second, rejected, run.id, commit, incident, warning, lines, *days)


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / "models" / name
    path.mkdir(parents=True)
    (path / "config.json").write_text(text)
    (path / "weights.bin").write_bytes(b"weights")
    return path


def _commit(folder: Path) -> str:
    """Make the folder a repository with one commit, as that of a training script would be."""

    def call(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-c", "commit.gpgsign=false", *arguments], cwd=folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    (folder / "train.py").write_text("print('training')\n")
    call("init", "--quiet")
    call("add", "train.py")
    call("-c", "user.name=alice", "-c", "user.email=alice@example.com", "commit", "--quiet", "--message=Train")
    return call("rev-parse", "HEAD")


class Site(NamedTuple):
    """A server on a port of this machine. `cookies` are those of somebody who has signed in; `app` is its application."""

    url: str
    app: Assembled
    cookies: Any

    def token(self, *scopes: str) -> str:
        """The text of a new token."""
        wish = Wish(name="test", scopes=cast(Any, scopes or ("read",)))
        return self.app.access.tokens.create(wish, by="the test").token


@contextmanager
def serve(
    home: Path, state: Path, browser: Browser, *, wrap: Callable[[Any], Any] = lambda app: app, port: int = 0, **settings: Any
) -> Iterator[Site]:
    """The application of `muniment serve` over a ledger, and a visitor who has signed in. `wrap` stands before all of it."""
    told = {"limits": PAGE_LIMITS, **settings}
    app = assemble(Settings(ledgers=(Served(name="", home=home),), state=state, **told))
    with socket.create_server(("127.0.0.1", port)) as listening:
        config = uvicorn.Config(cast(Any, wrap(app)), log_level="warning", lifespan="on", access_log=False, http="httptools")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            threading.Event().wait(0.01)
        site = Site(f"http://127.0.0.1:{listening.getsockname()[1]}", app, None)
        try:
            yield site._replace(cookies=_sign_in(browser, site))
        finally:
            app.stop()
            server.should_exit = True
            thread.join()
            app.close()


def _sign_in(browser: Browser, site: Site) -> Any:
    """What a browser holds after it has sent the form of the sign-in page."""
    with browser.new_context(base_url=site.url) as context:
        context.set_default_timeout(PATIENCE_MS)
        answer = context.request.post("/sign-in", form={"token": site.token("read")}, headers={"Origin": site.url}, max_redirects=0)
        assert answer.status == 303, answer.text()
        return context.storage_state()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A real browser."""
    path = os.environ.get("MUNIMENT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "the pages are tested in Chromium: install it, or name it in MUNIMENT_CHROMIUM"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"], timeout=2 * PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield found
        found.close()


@contextmanager
def enter(browser: Browser, site: Site, complaints: list[str] | None = None, **options: Any) -> Iterator[BrowserContext]:
    """A visitor who has signed in. What the browser complains of, or asks of another host, fails or goes into `complaints`."""
    heard: list[str] = [] if complaints is None else complaints

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            heard.append(f"{message.text} ({message.location.get('url', '')})")

    def ask(request: Request) -> None:
        if not request.url.startswith((site.url, "data:", "blob:")):
            heard.append(f"asked {request.url}")

    with browser.new_context(base_url=site.url, storage_state=site.cookies, **options) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(_LISTEN)
        context.on("console", hear)
        context.on("weberror", lambda error: heard.append(str(error.error)))
        context.on("request", ask)
        yield context
        assert complaints is not None or heard == []


@contextmanager
def visit(browser: Browser, site: Site, complaints: list[str] | None = None, **options: Any) -> Iterator[Page]:
    """A page of such a visitor."""
    with enter(browser, site, complaints, **options) as context:
        yield context.new_page()


def list_pages(story: Story) -> dict[str, str]:
    """A page of every kind, by what it is called in file names."""
    return {
        "overview": "/",
        "search": "/search",
        "search-many": "/search?q=credit",
        "search-nothing": "/search?q=nothing-at-all",
        "models": "/models",
        "model": "/models/credit-risk",
        "version": "/models/credit-risk/1",
        "version-held": "/models/credit-risk/2",
        "version-rejected": "/models/credit-risk/3",
        "datasets": "/datasets",
        "dataset": "/datasets/loans",
        "data": f"/data/{story.data.digest}",
        "run": f"/runs/{story.run}",
        "environments": "/environments",
        "environment": "/environments/production",
        "environment-day": f"/environments/production?day={story.promoted}",
        "deployment": "/environments/production/credit-risk",
        "deployment-day": f"/environments/production/credit-risk?day={story.promoted}",
        "incident": f"/incidents/{story.incident.event_id}",
        "lineage": f"/lineage/version/{story.first.digest}?up=2&down=2",
        "diff-form": "/diff",
        "diff": "/diff?a=credit-risk@1&b=credit-risk@2",
        "actors": "/actors",
        "actor": "/actors/alice",
        "policy": "/policy",
        "entry": "/entries/1",
        "entry-deployment": f"/entries/{story.incident.index}",
        "block": "/blocks/3",
        "genesis": "/blocks/0",
        "approve": f"/approve/{story.second.digest}?environment=pilot",
        "keys": "/keys",
        "verify": "/verify",
        "sign-in": "/sign-in",
        "missing": "/no/such/page",
    }
