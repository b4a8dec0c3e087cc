"""Pages of things: what a person reads on them follows from the ledger, leads on, and never claims to be verified."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from litestar.testing import TestClient

import serving
from muniment.client import identity, key_request, opening
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.things import Dataset, Recorded, Version
from muniment.core.format import time as times
from muniment.core.rules.policy import PolicyViolation
from muniment.ledger.blobs import Blobs
from muniment.server.explorer import comparison, days, kinship
from muniment.server.settings import Served

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
HOSTILE = "<script>alert('it')</script> & \"so on\""
HTML = {"Accept": "text/html"}
_HOUR_NS = 3_600 * 10**9


class Story(NamedTuple):
    """What happened in the ledger at `home`, over some days of March 2026."""

    home: Path
    data: Dataset
    first: Version
    second: Version
    rejected: Version
    run: str
    incident: Recorded
    started: str
    promoted: str
    rolled_back: str


class Clock:
    """A clock that only goes when it is told to."""

    def __init__(self, text: str) -> None:
        self.now = times.parse(text) * 1_000

    def __call__(self) -> int:
        return self.now

    def later(self, hours: int) -> None:
        self.now += hours * _HOUR_NS


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.mkdir()
    (path / "config.json").write_text(text)
    (path / "weights.bin").write_bytes(b"weights")
    return path


def _tell(alice: Ledger, boris: Ledger, folder: Path, clock: Clock) -> Story:
    files = folder / "loans.csv"
    files.write_text("amount,paid\n100,1\n")
    data = alice.dataset("loans", files, licence="CC-BY-4.0", purposes=["credit-scoring"], origin="An export of the core system.")
    plan = alice.plan("credit-risk", "auc", "ge", "0.85", dataset=data, role="test")
    with alice.training("credit-risk", inputs={"training": data}, parameters={"max_depth": 6, "objective": "binary"}) as run:
        for step in range(30):
            run.metric("auc", 0.5 + step / 100, step=step)
        first = run.register("credit-risk", _write(folder, "one", "{}"))
    assert first is not None
    assert run.id is not None
    results = [
        {"metric": "auc", "value": "0.91"},
        {"metric": "auc", "value": "0.80", "slice": [{"key": "region", "value": "north"}]},
        {"metric": "brier", "value": "0.1"},
    ]
    measured = {"version": first.digest, "plan": plan.id, "data": data.digest, "datasetRole": "test", "results": results}
    alice.record("evaluation.completed", {**measured, "grade": "attested"})
    boris.approve(first, "production", reason="The second review found nothing.")
    clock.later(24)
    started = alice.deploy(first, "production", reason=HOSTILE)
    second = alice.register("credit-risk", _write(folder, "two", '{"a": 1}'), parents=[first], derivation="finetuned")
    taken_back = boris.approve(second, "production", reason="Too quick.")
    boris.approve(second, "production", reason="Better in every slice.", expires_at="2026-03-20T00:00:00.000000Z")
    clock.later(48)
    promoted = alice.deploy(second, "production")
    clock.later(5)
    boris.revoke(taken_back, reason="I read the wrong report.")
    incident = alice.incident(second, severity="high", hold=True, impact="Scores were too low.")
    boris.note(f"incident/{incident.event_id}", "The feature store delivered nulls.")
    rolled_back = alice.rollback("production/credit-risk", reason="Back to what worked.")
    rejected = alice.register("credit-risk", _write(folder, "three", '{"a": 2}'), data=[data], derivation="trained")
    boris.approve(rejected, "production", decision="reject", reason="The north is off by two points.")
    with pytest.raises(PolicyViolation):
        alice.deploy(rejected, "production")
    alice.waive("approvals", rejected, "pilot", until="2027-03-01T00:00:00.000000Z", measures="A person looks at each case.")
    alice.deploy(rejected, "pilot", name="shadow/eu")
    alice.change(rejected, "max_depth", 7, target="hyperparameter", reason="Trees were too shallow.")
    alice.register("credit-risk/3", _write(folder, "named", '{"a": 4}'))
    alice.register("team/fraud", _write(folder, "fraud", '{"a": 3}'), data=[data], derivation="trained")
    clock.later(24 * 20)
    alice.withdraw(data, cause="consent", remedy="Train again without it.")
    alice.offer("credit-risk", to="boris")
    sealed = {each.index: alice.time_of(each.index) for each in (started, promoted, rolled_back)}
    days = [sealed[each.index] for each in (started, promoted, rolled_back)]
    return Story(alice.home, data, first, second, rejected, run.id, incident, *days)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("things")
    (folder / "policy.toml").write_text(POLICY)
    clock = Clock("2026-03-02T08:00:00.000000Z")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("MUNIMENT_HOME", "MUNIMENT_URL", "MUNIMENT_ACTOR", "MUNIMENT_TRUST", "MUNIMENT_STATE", "MUNIMENT_TOKEN"):
            patch.delenv(variable, raising=False)
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.chdir(folder)
        patch.setattr("muniment.ledger.embedded.clocks.time_ns", clock)
        with opening.init(origin="example.com/credit", actor="alice", policy=str(folder / "policy.toml")) as alice:
            request = identity.request(Home(alice.home), alice.origin, "boris", "person")
            alice.keys.admit(key_request.format(request), roles=["approver"])
            with opening.open(alice.home, actor="boris") as boris:
                told = _tell(alice, boris, folder, clock)
    return told


@pytest.fixture(scope="module")
def client(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Any]]:
    with serving.served(story.home, state=tmp_path_factory.mktemp("state")) as found:
        yield found


class Reader(HTMLParser):
    """What a page is made of."""

    def __init__(self, raw: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(raw)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [str(attrs["href"]).partition("#")[0] for tag, attrs in self.tags if tag == "a" and attrs.get("href")]


def _get(client: TestClient[Any], path: str, status: int = 200) -> Reader:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == status, (path, answer.text[:500])
    return Reader(answer.text)


def _say(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _pages(story: Story) -> list[str]:
    return [
        *("/models", "/models/credit-risk", "/models/credit-risk/1", "/models/team/fraud", "/models/team/fraud/1", "/datasets"),
        *("/datasets/loans", f"/data/{story.data.digest}", f"/runs/{story.run}", "/environments", "/environments/production"),
        *("/environments/production/credit-risk", "/environments/pilot/shadow/eu", f"/incidents/{story.incident.event_id}"),
        *("/diff", "/diff?a=credit-risk@1&b=credit-risk@2", f"/lineage/version/{story.second.digest}?up=3&down=3"),
        *(f"/lineage/data/{story.data.digest}", "/environments/production?day=2026-03-05"),
    ]


def test_every_page_has_one_heading_nothing_inline_and_claims_nothing(client: TestClient[Any], story: Story) -> None:
    for path in _pages(story):
        page = _get(client, path)
        assert sum(tag == "h1" for tag, _ in page.tags) == 1, path
        assert not [attrs for _, attrs in page.tags if "style" in attrs or any(key.startswith("on") for key in attrs)], path
        assert not [attrs for tag, attrs in page.tags if tag == "script" and "src" not in attrs], path
        assert "verified" not in page.text.replace("Nothing on this page has been verified yet", ""), path
        ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
        assert len(ids) == len(set(ids)), path


def test_every_link_between_things_leads_somewhere(client: TestClient[Any]) -> None:
    waiting, seen = ["/models", "/datasets", "/environments"], set[str]()
    while waiting:
        path = waiting.pop()
        answer = client.get(path, headers=HTML)
        assert answer.status_code == 200, path
        for link in Reader(answer.text).links():
            kind = link.split("/")[1].partition("?")[0] if link.startswith("/") else ""
            if kind in ("data", "datasets", "diff", "environments", "incidents", "lineage", "models", "runs", "versions"):
                waiting += [link] if link not in seen and len(seen) < 150 else []
                seen.add(link)
    assert len(seen) > 20


def test_three_clicks_to_who_approved_what_ran_then(client: TestClient[Any], story: Story) -> None:
    overview = _get(client, "/")
    assert "/environments/production/credit-risk" in overview.links()
    deployment = _get(client, "/environments/production/credit-risk")
    forms = [attrs for tag, attrs in deployment.tags if tag == "form" and attrs.get("method") == "get"]
    assert str(forms[0]["action"]).partition("#")[0] == "/environments/production/credit-risk"
    then = _get(client, f"/environments/production/credit-risk?day={story.started[:10]}&clock=")
    said = _say(then.text)
    assert f"On {story.started[:10]} (UTC) production/credit-risk ran credit-risk@1" in said
    assert "boris (approver) approved it for production" in said
    assert "The second review found nothing." in said
    assert HOSTILE in then.text


def test_the_answer_of_a_day_is_at_its_link(client: TestClient[Any], story: Story) -> None:
    page = _get(client, f"/environments/production/credit-risk?day={story.promoted[:10]}&clock={story.promoted[11:19]}")
    (box,) = [attrs for tag, attrs in page.tags if tag == "section" and attrs.get("class") == "verify"]
    answer = client.get(str(box["data-answer"]))
    assert answer.status_code == 200
    assert answer.json()["question"]["stream"] == "deployment/production/credit-risk"


def test_a_day_on_which_two_versions_ran_names_both_in_order(client: TestClient[Any], story: Story) -> None:
    assert story.promoted[:10] == story.rolled_back[:10]
    said = _say(_get(client, f"/environments/production/credit-risk?day={story.promoted[:10]}").text)
    assert "ran credit-risk@1, then credit-risk@2, then credit-risk@1." in said
    exact = _say(_get(client, f"/environments/production/credit-risk?day={story.promoted[:10]}&clock=12:00").text)
    assert "at 12:00 UTC production/credit-risk ran credit-risk@2." in exact


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-03-02", "Nothing ran here on 2026-03-02"),
        ("2026-03-04", "ran credit-risk@1."),
        ("2040-01-01", "later than the newest block"),
    ],
)
def test_days_at_the_edges(client: TestClient[Any], day: str, said: str) -> None:
    assert said in _say(_get(client, f"/environments/production/credit-risk?day={day}").text)


@pytest.mark.parametrize("asked", ["day=yesterday", "day=2026-02-30", "day=2026-03-04&clock=25:00", "day=2026-03-04&clock=noon"])
def test_no_day_is_a_page_that_says_so(client: TestClient[Any], asked: str) -> None:
    page = _get(client, f"/environments/production/credit-risk?{asked}", status=400)
    assert "bad-time" in page.text


def test_an_environment_says_what_it_asks_and_what_ran(client: TestClient[Any]) -> None:
    said = _say(_get(client, "/environments/production?day=2026-03-04").text)
    assert "production asks for the approval of 1 person as approver" in said
    assert "credit-risk@1 in production/credit-risk" in said
    assert "Who approved it" in said


def test_a_version_says_what_it_is_made_of_and_who_decided(client: TestClient[Any], story: Story) -> None:
    said = _say(_get(client, "/models/credit-risk/1").text)
    for each in ("max_depth", "loans@1", "learned from loans@1, which was withdrawn", "config.json", "2 files"):
        assert each in said
    assert re.search(r"auc region = north 0\.80 at least 0\.85 not met", said)
    assert re.search(r"auc all of it 0\.91 at least 0\.85 met", said)
    assert re.search(r"brier all of it 0\.1 no plan not compared", said)
    assert "attested vouched for by the machine or service that ran it" in said
    assert f"/approve/{story.first.digest}?environment=production" in _get(client, "/models/credit-risk/1").links()


def test_rejections_waivers_and_holds_are_said(client: TestClient[Any], story: Story) -> None:
    third = _say(_get(client, f"/versions/{story.rejected.digest}").text)
    assert "An open rejection keeps it out of production" in third
    assert "The north is off by two points." in third
    assert "waived the rule “approvals” for pilot" in third
    assert "A person looks at each case." in third
    assert re.search(r"max_depth 7", third)
    held = _say(_get(client, "/models/credit-risk/2").text)
    assert "On hold: 1 open incident keeps it from being deployed" in held
    incident = _say(_get(client, f"/incidents/{story.incident.event_id}").text)
    assert "Scores were too low." in incident
    assert "The feature store delivered nulls." in incident
    assert "production/credit-risk" in incident


def test_decisions_say_whether_they_still_count(client: TestClient[Any], story: Story) -> None:
    said = _say(_get(client, "/models/credit-risk/2").text)
    assert re.search(r"Too quick\.", said)
    assert re.search(r"entry \d+ taken back by entry \d+ Too quick\.", said)
    assert re.search(r"expired until 2026-03-20 00:00:00 UTC Better in every slice\.", said)
    # A deployment shows the approvals that it named, as they stand now.
    then = _say(_get(client, f"/environments/production/credit-risk?day={story.promoted[:10]}&clock=12:00").text)
    assert "taken back" in then
    assert "expired" in then


def test_a_lineage_is_cut_where_it_fans_out(story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinship, "MAX_FAN", 2)
    with serving.served(story.home, state=tmp_path / "state") as client:
        page = _get(client, f"/lineage/data/{story.data.digest}?up=1&down=2")
        assert "The drawing is cut where it grows too large" in page.text
        assert f"/lineage/data/{story.data.digest}?up=0&down=1" in page.links()
        assert "This list is cut" in _get(client, f"/data/{story.data.digest}").text


def test_a_long_history_is_left_to_the_whole_answer(story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MAX_EVENTS", 5)
    monkeypatch.setattr(days, "MAX_TOLD", 1)
    with serving.served(story.home, state=tmp_path / "state") as client:
        page = _get(client, "/diff?a=credit-risk@1&b=credit-risk@2")
        assert "More is recorded about these versions than a page compares" in page.text
        assert "config.json changed" in page.text
        then = _get(client, f"/environments/production/credit-risk?day={story.promoted[:10]}")
        assert "2 more ran then. Give a time" in _say(then.text)


def test_withdrawn_data_names_what_learned_from_it_and_where_it_runs(client: TestClient[Any], story: Story) -> None:
    said = _say(_get(client, f"/data/{story.data.digest}").text)
    assert "Withdrawn by alice" in said
    assert "Train again without it." in said
    assert "4 versions learned from it. Running now: pilot/shadow/eu, production/credit-risk." in said
    assert "This list is cut" not in said


def test_a_run_shows_its_log_as_plots_and_as_a_table(client: TestClient[Any], story: Story) -> None:
    page = _get(client, f"/runs/{story.run}")
    assert [attrs["class"] for tag, attrs in page.tags if tag == "svg"] == ["figure plot"]
    assert re.search(r"auc 30 0\.5 0\.79 0\.5 0\.79", _say(page.text))
    assert "max_depth 6" in _say(page.text)


def test_what_is_not_held_is_said_to_be_so(story: Story, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(story.home, home)
    (home / "vault.jsonl").unlink()
    shutil.rmtree(home / "blobs")
    shutil.rmtree(home / "manifests")
    with serving.served(Served(name="risk", home=home), state=tmp_path / "state") as client:
        version = _get(client, "/l/risk/models/credit-risk/1")
        assert "this server does not hold them" in version.text
        assert "The list of its files is not held here" in version.text
        assert "is not held here" in _get(client, f"/l/risk/runs/{story.run}").text
        # Behind a prefix every link stays behind it.
        assert [each for each in version.links() if each and not each.startswith("/l/risk/")] == []
        moved = client.get(f"/l/risk/versions/{story.first.digest}", headers=HTML, follow_redirects=False)
        assert (moved.status_code, moved.headers["location"]) == (303, "/l/risk/models/credit-risk/1")


def test_a_log_that_is_none_is_said_to_be_damaged(story: Story, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(story.home, home)
    for name in Blobs(home / "blobs").digests():
        (home / "blobs" / name).write_bytes(b"changed")
    with serving.served(home, state=tmp_path / "state") as client:
        assert "damaged" in _get(client, f"/runs/{story.run}").text


def test_two_versions_side_by_side(client: TestClient[Any], story: Story) -> None:
    said = _say(_get(client, f"/diff?a={story.first.digest}&b=credit-risk@2").text)
    assert "From credit-risk@1 to credit-risk@2: config.json changed (1 of 2 files); weights identical" in said
    assert "finetuned" in said
    assert "facts differ" in said
    nothing = _say(_get(client, "/diff?a=credit-risk@1&b=credit-risk@1").text)
    assert "Nothing that is recorded differs" in nothing
    assert "Choose the version to compare credit-risk@1 with" in _say(_get(client, "/diff?a=credit-risk@1").text)


def test_a_name_that_ends_in_a_number_is_a_model_where_there_is_one(client: TestClient[Any], story: Story) -> None:
    assert "Model with 1 version" in _say(_get(client, "/models/credit-risk/3").text)
    # Version 3 of credit-risk keeps its page by its digest.
    assert "Version 3 of credit-risk" in _say(_get(client, f"/versions/{story.rejected.digest}").text)


@pytest.mark.parametrize(
    "path",
    [
        *("/models/nothing", "/models/credit-risk/99", "/datasets/nothing", f"/data/{'0' * 64}", f"/versions/{'0' * 64}"),
        *("/runs/nothing", "/environments/nothing", "/environments/production/nothing", "/incidents/nothing"),
        *(f"/lineage/version/{'0' * 64}", "/lineage/model/x", "/diff?a=nothing&b=credit-risk@1"),
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(client: TestClient[Any], path: str) -> None:
    page = _get(client, path, status=404)
    assert sum(tag == "h1" for tag, _ in page.tags) == 1


def test_nobody_reads_without_a_token(client: TestClient[Any], story: Story) -> None:
    for path in _pages(story):
        assert client.get(path, headers={**HTML, **serving.bearer("nobody")}).status_code == 401, path
        assert client.get(path, headers={**HTML, **serving.bearer("write")}).status_code == 403, path
        assert client.get(path, headers={**HTML, **serving.bearer("read")}).status_code == 200, path


def test_words_of_people_are_escaped(client: TestClient[Any]) -> None:
    raw = client.get("/environments/production/credit-risk?day=2026-03-04", headers=HTML).text
    assert HOSTILE not in raw
    assert html.escape(HOSTILE, quote=False)[:20] in raw
