"""index: listings and names as of a view, rebuilt from nothing whenever they do not fit the ledger."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import msgspec
import pytest

import makers
import worlds
from muniment.core.format import dsse
from muniment.errors import CorruptStore, InvalidInput, NotFound, Unavailable
from muniment.index import Index, Query, follower
from muniment.index.changes import Served
from worlds import ALICE, World, digest, tell


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = worlds.found(tmp_path / "ledger.db")
    yield made
    made.close()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "index.db")
    yield made
    made.close()


def follow(index: Index, world: World) -> Index:
    with world.engine.view() as view:
        index.follow(view)
    return index


def test_a_life_is_listed(index: Index, world: World) -> None:
    said = tell(world)
    query: Query = follow(index, world)
    with world.engine.view() as view:
        assert query.size == view.size
        assert [row.index for row in query.events()] == [i for i in range(view.size - 1, 0, -1) if i % 2]
        times = [view.header(row.height).time for row in query.events()]
        assert [row.time for row in query.events()] == times
    newest = query.events(limit=1)[0]
    assert (newest.name, newest.actor, newest.stream) == ("deployment.changed", "ci", "deployment/production/credit-risk")
    assert (newest.thing, newest.digest) == ("production/credit-risk", said["v2"])
    assert query.event(newest.index) == newest
    things = [row.thing for row in query.events()][::-1]
    assert (
        things
        == ["loans@1", "loans@2", "credit-risk", "credit-risk@1", "credit-risk@2", "credit-risk@1", "credit-risk@2"]
        + ["credit-risk@1"] * 3
        + ["production/credit-risk"] * 2
    )
    assert [row.event_id for row in query.events(names=["approval.decided"])] == [said["revoke"], said["a2"], said["a1"]]


def test_models_and_data_sets_have_their_ordinals(index: Index, world: World) -> None:
    said = tell(world)
    follow(index, world)
    (model,) = index.models()
    assert (model.name, model.owner, model.count, model.latest, model.offered_to) == ("credit-risk", "alice", 2, said["v2"], None)
    assert [(row.ordinal, row.digest, row.actor) for row in index.versions("credit-risk")] == [
        (1, said["v1"], "alice"),
        (2, said["v2"], "ci"),
    ]
    (dataset,) = index.datasets()
    assert (dataset.name, dataset.count, dataset.latest) == ("loans", 2, said["d2"])
    assert [(row.ordinal, row.digest, row.withdrawn) for row in index.data("loans")] == [
        (1, said["d1"], None),
        (2, said["d2"], None),
    ]
    assert index.versions("unknown") == index.data("unknown") == []
    assert index.name_of(said["v2"]) == "credit-risk@2"
    assert index.name_of(said["d1"]) == "loans@1"
    assert index.name_of("00" * 32) is None
    with pytest.raises(InvalidInput):
        index.name_of("short")


def test_decisions_and_measurements_stand_by_their_version(index: Index, world: World) -> None:
    said = tell(world)
    follow(index, world)
    first, second = index.approvals(said["v1"])
    revoked = index.events(stream=f"approval/{said['a2']}")[0]
    assert (first.event_id, first.decision, first.environment, first.revoked) == (said["a1"], "approve", "production", None)
    assert (second.event_id, second.decision, second.revoked) == (said["a2"], "conditional", revoked.index)
    assert index.approvals(said["v2"]) == []
    (passed,), (failed,) = index.evaluations(said["v1"]), index.evaluations(said["v2"])
    assert (passed.event_id, passed.plan, passed.passed, passed.data) == (said["e1"], said["plan"], True, said["d2"])
    assert (failed.passed, failed.data) == (False, None)
    (plan,) = index.plans("credit-risk")
    assert (plan.event_id, plan.metric, plan.threshold, plan.dataset_role) == (said["plan"], "auc", "0.9", None)


def test_what_serves_where(index: Index, world: World) -> None:
    said = tell(world)
    since = follow(index, world).events(limit=1)[0].index
    world.deploy(said["v2"], "scale")
    (row,) = follow(index, world).deployments()
    assert (row.environment, row.name, row.version, row.model, row.ordinal) == (
        "production",
        "credit-risk",
        said["v2"],
        "credit-risk",
        2,
    )
    assert (row.since, row.index, row.status, row.transition, row.actor) == (since, since + 2, "running", "scale", "ci")
    world.deploy(said["v2"], "stop")
    assert follow(index, world).deployments("production")[0].status == "stopped"
    assert index.deployments("staging") == []


def test_every_change_of_a_place_is_listed(index: Index, world: World) -> None:
    said = tell(world)
    world.deploy(said["v2"], "scale")
    world.deploy(said["v1"], "rollback", replaces=said["v2"])
    world.deploy(said["v1"], "stop")
    place = Served(environment="production", name="credit-risk")
    found = follow(index, world).changes(place)
    assert [(row.ordinal, row.transition, row.status) for row in found] == [
        (1, "stop", "stopped"),
        (1, "rollback", "running"),
        (2, "scale", "running"),
        *[(row.ordinal, row.transition, "running") for row in found[3:]],
    ]
    assert [row.index for row in found] == [row.index for row in index.events(names=["deployment.changed"])]
    assert {(row.environment, row.name, row.model) for row in found} == {("production", "credit-risk", "credit-risk")}
    assert index.changes(place, before=found[1].index) == found[2:]
    assert index.changes(place, limit=2) == found[:2]
    assert index.changes(Served(model="credit-risk")) == found
    assert index.changes(Served(version=said["v1"])) == [row for row in found if row.version == said["v1"]]
    for other in (Served(environment="staging"), Served(name="other"), Served(model="other"), Served(version="00" * 32)):
        assert index.changes(other) == []


def test_the_newest_decisions_and_measurements(index: Index, world: World) -> None:
    said = tell(world)
    follow(index, world)
    assert index.approvals(said["v1"], 1) == index.approvals(said["v1"])[-1:]
    assert index.approvals(said["v1"], 5) == index.approvals(said["v1"])
    assert index.evaluations(said["v1"], 0) == []
    assert index.evaluations(said["v1"], 1) == index.evaluations(said["v1"])[-1:]


def test_actors_keys_and_endings(index: Index, world: World) -> None:
    said = tell(world)
    assert [(row.id, row.kind, row.responsible, row.roles) for row in follow(index, world).actors()] == [
        ("alice", "person", (), ("all",)),
        ("ci", "service", ("alice",), ("all",)),
    ]
    proof = worlds.prove_key("bob")
    world.record("actor.enrolled", of="bob", kind="person", organisation="acme", keys=[msgspec.to_builtins(proof)])
    world.record("key.changed", of="bob", change="compromise", key=proof.key, fromIndex=7)
    world.record("dataset.withdrawn", data=said["d1"], cause="consent")
    world.record("model.retired", model="credit-risk", version=said["v1"], cause="superseded")
    world.record("ownership.offered", model="credit-risk", **{"from": "alice"}, to="ci")
    follow(index, world)
    newest = index.size - 2
    assert [row.id for row in index.actors("person")] == ["alice", "bob"]
    assert index.actors("person")[1].organisation == "acme"
    (key,) = index.keys_of("bob")
    assert (key.key, key.since, key.until, key.disputed_from) == (proof.key, newest - 8, newest - 6, 7)
    assert [row.actor for row in index.keys_of()][2:] == ["bob"]
    assert [row.withdrawn for row in index.data("loans")] == [newest - 4, None]
    assert [row.retired for row in index.versions("credit-risk")] == [newest - 2, None]
    assert (index.models()[0].owner, index.models()[0].offered_to) == ("alice", "ci")
    offer = index.events(limit=1)[0].event_id
    world.record("ownership.accepted", "ci", model="credit-risk", offer=offer)
    assert (follow(index, world).models()[0].owner, index.models()[0].offered_to) == ("ci", None)


def test_a_stream_is_complete(index: Index, world: World) -> None:
    said = tell(world)
    follow(index, world)
    with world.engine.view() as view:
        for stream in ("policy", "actor/alice", "acts/ci", "model/credit-risk", f"version/{said['v1']}", f"data/{said['d2']}"):
            record = msgspec.json.decode(view.record(stream) or b"")
            indices = index.stream_indices(stream)
            assert (len(indices), indices[0], indices[-1]) == (record["count"], record["first"], record["last"])
            assert indices == sorted(set(indices))
    assert index.stream_indices("model/unknown") == []
    acts = index.stream_indices("acts/ci")
    assert [row.index for row in index.events(stream="acts/ci")] == acts[::-1]
    assert [row.index for row in index.events(stream="acts/ci", names=["model.registered"])] == acts[:1]
    assert index.events(stream="model/unknown") == []


def test_pages_follow_each_other(index: Index, world: World) -> None:
    tell(world)
    everything = follow(index, world).events(limit=1_000)
    paged, before = [], None
    while page := index.events(before=before, limit=3):
        paged += page
        before = page[-1].index
    assert paged == everything
    names = {"model.registered", "dataset.registered", "unknown.event"}
    assert index.events(names=names) == [row for row in everything if row.name in names]
    assert index.events(names=names, limit=2, before=everything[0].index) == [row for row in everything if row.name in names][:2]
    assert index.events(limit=0) == index.events(names=[]) == index.events(before=0) == index.events(limit=-1) == []


class TestResolve:
    def test_names(self, index: Index, world: World) -> None:
        said = tell(world)
        follow(index, world)
        thing = index.resolve("credit-risk@1")
        assert (thing.kind, thing.stream, thing.name, thing.ordinal, thing.digest) == (
            "version",
            f"version/{said['v1']}",
            "credit-risk",
            1,
            said["v1"],
        )
        assert thing.title() == "credit-risk@1"
        assert index.resolve("credit-risk").digest == index.resolve("credit-risk@2").digest == said["v2"]
        assert index.resolve("loans@1").digest == said["d1"]
        assert index.resolve("loans").stream == f"data/{said['d2']}"
        deployed = index.resolve("production/credit-risk")
        assert (deployed.kind, deployed.ordinal, deployed.digest) == ("deployment", 2, said["v2"])
        assert deployed.title() == "production/credit-risk"
        assert index.resolve("alice").stream == "actor/alice"
        assert index.resolve("policy").kind == "policy"

    def test_every_explicit_form(self, index: Index, world: World) -> None:
        said = tell(world)
        follow(index, world)
        for text, kind in (
            ("model/credit-risk", "version"),
            ("model/credit-risk@1", "version"),
            ("dataset/loans", "data"),
            ("dataset/loans@2", "data"),
            (f"version/{said['v1']}", "version"),
            (f"data/{said['d1']}", "data"),
            ("deployment/production/credit-risk", "deployment"),
            (f"approval/{said['a1']}", "approval"),
            ("acts/ci", "acts"),
            ("entry/0", "header"),
            ("entry/1", "event"),
        ):
            assert index.resolve(text).kind == kind, text
        assert index.resolve("model/credit-risk", kinds={"model"}).stream == "model/credit-risk"
        assert index.resolve("credit-risk", kinds=["model"]).kind == "model"

    def test_entries_and_events(self, index: Index, world: World) -> None:
        said = tell(world)
        follow(index, world)
        thing = index.resolve(said["a1"])
        assert (thing.kind, thing.name, thing.stream, thing.digest) == (
            "event",
            "approval.decided",
            f"version/{said['v1']}",
            said["v1"],
        )
        assert index.resolve(said["a1"].upper()) == index.resolve(str(thing.index)) == thing
        header = index.resolve("0")
        assert (header.kind, header.stream, header.index) == ("header", None, 0)
        for text in (str(index.size), "entry/9999", "019c0000-0000-7000-8000-000000000000"):
            with pytest.raises(NotFound):
                index.resolve(text)

    def test_prefixes_of_digests(self, index: Index, world: World) -> None:
        said = tell(world)
        follow(index, world)
        for length in (8, 9, 63, 64):
            assert index.resolve(said["v1"][:length]).digest == said["v1"]
            assert index.resolve(said["d1"][:length].upper()).kind == "data"
        assert index.resolve(ALICE.public_key.hex()[:8]).kind == "key"
        with pytest.raises(NotFound) as caught:
            index.resolve(said["v1"][:7])
        assert "8 digits" in caught.value.hint

    def test_what_means_several_things(self, index: Index, world: World) -> None:
        world.dataset("churn", "same")
        world.model("churn", "same")
        world.model("7", "a model that is called by a number")
        world.model("ci", "a model that is called like a service")
        follow(index, world)
        for text, candidates in (
            ("churn", ["model/churn@1", "dataset/churn@1"]),
            (digest("same")[:10], ["dataset/churn@1", "model/churn@1"]),
            ("7", ["model/7@1", "entry/7"]),
        ):
            with pytest.raises(InvalidInput) as caught:
                index.resolve(text)
            assert caught.value.code == "ambiguous"
            assert sorted(each["text"] for each in caught.value.details["candidates"]) == sorted(candidates)  # type: ignore[union-attr, index, call-overload]
            assert len({index.resolve(candidate) for candidate in candidates}) == 2
        assert index.resolve("churn", kinds={"version"}).kind == "version"
        assert index.resolve("ci").kind == "version"
        assert index.resolve("actor/ci").kind == "actor"

    def test_what_is_not_there(self, index: Index, world: World) -> None:
        tell(world)
        follow(index, world)
        for text, hint in (
            ("credt-risk", "credit-risk"),
            ("credit_risk@2", "credit-risk"),
            ("credit-risk@3", "credit-risk@2"),
            ("prodution/credit-risk", "production/credit-risk"),
            ("alise", "alice"),
        ):
            with pytest.raises(NotFound) as caught:
                index.resolve(text)
            assert hint in caught.value.hint, text
        for text in (
            "",
            "@",
            "@1",
            "x@0",
            "x@",
            "/",
            "version/",
            "version/zz",
            "data/" + "0" * 64,
            "\0",
            "ö" * 300,
            "٣",
            "a/b/c",
            "9" * 40,
        ):
            with pytest.raises(NotFound):
                index.resolve(text)
        with pytest.raises(InvalidInput):
            index.resolve("\udc80")
        assert index.models() != []

    def test_a_model_that_has_only_plans(self, index: Index, world: World) -> None:
        world.record("evaluation.planned", model="fraud", metric="auc", comparator="ge", threshold="0.9")
        follow(index, world)
        thing = index.resolve("fraud")
        assert (thing.kind, thing.stream, thing.ordinal, thing.digest) == ("model", "model/fraud", None, None)
        assert (index.models()[0].count, index.models()[0].latest) == (0, None)


class TestFollowing:
    def test_an_index_that_followed_nothing_is_empty(self, index: Index) -> None:
        assert index.size == 0
        assert index.events() == index.models() == index.actors() == []
        with pytest.raises(NotFound):
            index.resolve("x")

    def test_the_file_is_for_its_owner_alone(self, index: Index, world: World) -> None:
        follow(index, world)
        assert stat.S_IMODE(index.path.stat().st_mode) == 0o600

    def test_nothing_new_writes_nothing(self, index: Index, world: World) -> None:
        tell(world)
        follow(index, world)
        index.close()
        before = index.path.read_bytes()
        told: list[tuple[int, int]] = []
        with world.engine.view() as view:
            Index(index.path).follow(view, lambda done, total: told.append((done, total)))
        assert told == []
        assert index.path.read_bytes() == before

    def test_in_chunks_as_at_once(self, index: Index, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tell(world)
        follow(index, world)
        monkeypatch.setattr(follower, "CHUNK_ENTRIES", 3)
        monkeypatch.setattr(follower, "MAX_KNOWN_STREAMS", 2)
        told: list[tuple[int, int]] = []
        small = Index(tmp_path / "small.db")
        with world.engine.view() as view:
            small.follow(view, lambda done, total: told.append((done, total)))
        assert told == sorted(set(told))
        assert told[-1] == (index.size, index.size)
        assert len(told) > 3
        assert dump(small) == dump(index)
        small.close()

    def test_step_by_step_as_at_once(self, index: Index, world: World, tmp_path: Path) -> None:
        stepwise = Index(tmp_path / "stepwise.db")
        for text in ("a", "b", "c"):
            world.model("m", text)
            follow(stepwise, world)
        assert dump(stepwise) == dump(follow(index, world))
        stepwise.close()

    def test_an_older_view_is_answered_as_of_its_size(self, index: Index, world: World) -> None:
        world.model("m", "a")
        with world.engine.view() as view:
            old = worlds.Copy(view)
        follow(index, world)
        before = (index.events(), index.models(), index.resolve("m"))
        world.model("m", "b")
        assert follow(index, world).resolve("m").ordinal == 2
        index.follow(old)
        assert (index.events(), index.models(), index.resolve("m")) == before
        assert index.stream_indices("model/m") == [1]
        with pytest.raises(NotFound):
            index.resolve("m@2")
        assert follow(index, world).resolve("m").ordinal == 2

    def test_another_ledger_replaces_everything(self, index: Index, world: World, tmp_path: Path) -> None:
        tell(world)
        follow(index, world)
        other = worlds.found(tmp_path / "other.db", makers.NOON + 1)
        other.model("fraud", "f")
        assert [row.name for row in follow(index, other).models()] == ["fraud"]
        fresh = Index(tmp_path / "fresh.db")
        assert dump(index) == dump(follow(fresh, other))
        fresh.close()
        other.close()

    def test_a_history_that_was_replaced_is_cut_off(self, index: Index, world: World, tmp_path: Path) -> None:
        world.model("m", "a")
        world.deploy(digest("a"))
        world.engine.backup(tmp_path / "backup.db")
        world.model("m", "b")
        world.deploy(digest("b"), "promote", replaces=digest("a"))
        world.record("dataset.registered", name="d", data=digest("d"), bytes=1, files=1)
        follow(index, world)
        for texts in (["x"], ["x", "y", "z"], ["x", "y", "z", "w", "v", "u"]):
            path = tmp_path / f"restored-{len(texts)}.db"
            shutil.copy(tmp_path / "backup.db", path)
            restored = worlds.reopen(path)
            for text in texts:
                restored.model("m", text)
            follow(index, restored)
            assert [row.digest for row in index.versions("m")] == [digest(text) for text in ["a", *texts]]
            assert index.deployments()[0].version == digest("a")
            assert index.datasets() == []
            fresh = Index(tmp_path / f"fresh-{len(texts)}.db")
            assert dump(index) == dump(follow(fresh, restored))
            fresh.close()
            restored.close()

    def test_a_missing_entry_is_named(self, index: Index, world: World) -> None:
        tell(world)
        with world.engine.view() as view:
            torn = worlds.Copy(view)
        del torn.raw[5]
        with pytest.raises(CorruptStore) as caught:
            index.follow(torn)
        assert caught.value.details == {"table": "entry", "row": 5}

    @pytest.mark.parametrize("raw", [b"", b"{}", b'{"height"', b"\xff", dsse.encode(dsse.sign(b"{}", ALICE))])
    def test_what_is_no_entry_is_named(self, index: Index, world: World, raw: bytes) -> None:
        tell(world)
        with world.engine.view() as view:
            torn = worlds.Copy(view)
        torn.raw[3] = raw
        with pytest.raises(CorruptStore) as caught:
            index.follow(torn)
        assert caught.value.details == {"table": "entry", "row": 3}
        assert index.size == 0

    def test_an_event_of_a_later_release_is_listed(self, index: Index, world: World) -> None:
        world.model("m", "a")
        with world.engine.view() as view:
            later = worlds.Copy(view)
        payload = dsse.decode(later.raw[1]).payload.replace(b"model.registered:v1", b"model.dreamt:v2")
        later.raw[1] = dsse.encode(dsse.sign(payload, ALICE))
        index.follow(later)
        (row,) = index.events()
        assert (row.name, row.actor, row.stream) == ("model.dreamt", "alice", "acts/alice")
        assert index.models() == []


class TestTheFile:
    def test_damage_is_repaired_by_following(self, index: Index, world: World) -> None:
        tell(world)
        expected = dump(follow(index, world))
        index.close()
        whole = index.path.read_bytes()
        for torn in (b"not a database at all" * 50, whole[:5_000], whole[:4_096] + bytes(len(whole) - 4_096), b""):
            index.path.write_bytes(torn)
            again = Index(index.path)
            assert dump(follow(again, world)) == expected
            again.close()

    def test_damage_found_by_a_question_is_said_and_mended(self, index: Index, world: World) -> None:
        tell(world)
        expected = dump(follow(index, world))
        index.close()
        whole = index.path.read_bytes()
        index.path.write_bytes(whole[:4_096] + b"\xa5" * (len(whole) - 4_096))
        damaged = Index(index.path)
        with pytest.raises(Unavailable) as caught:
            damaged.events()
        assert caught.value.code == "index-damaged"
        assert dump(follow(damaged, world)) == expected
        damaged.close()

    def test_every_damage_ends_in_an_answer_or_an_error_of_ours(self, index: Index, world: World) -> None:
        tell(world)
        follow(index, world)
        index.close()
        whole = index.path.read_bytes()
        chance = random.Random(5)
        for _ in range(60):
            torn = bytearray(whole)
            for _ in range(8):
                torn[chance.randrange(100, len(torn))] ^= 1 << chance.randrange(8)
            for suffix in ("-wal", "-shm"):
                Path(f"{index.path}{suffix}").unlink(missing_ok=True)
            index.path.write_bytes(torn)
            damaged = Index(index.path)
            for ask in (damaged.events, damaged.models, damaged.deployments, damaged.actors, damaged.keys_of):
                # A changed byte in a text may pass unseen: nothing that an index says is taken for a proof.
                with suppress(Unavailable):
                    follow(damaged, world)
                    ask()
            damaged.close()

    def test_another_version_is_made_anew(self, index: Index, world: World) -> None:
        tell(world)
        expected = dump(follow(index, world))
        index.close()
        sql = apsw.Connection(str(index.path))
        sql.execute("PRAGMA user_version = 999; DROP TABLE event")
        sql.close()
        again = Index(index.path)
        assert dump(follow(again, world)) == expected
        again.close()

    def test_a_ledger_is_never_taken_for_an_index(self, world: World) -> None:
        world.model("m", "a")
        wrong = Index(world.path)
        with world.engine.view() as view, pytest.raises(InvalidInput) as caught:
            wrong.follow(view)
        assert caught.value.code == "not-an-index"
        with world.engine.view() as view:
            assert view.size == 3

    def test_an_unwritable_place_is_said(self, world: World, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for path in (tmp_path / "file" / "index.db", tmp_path):
            with world.engine.view() as view, pytest.raises(Unavailable) as caught:
                Index(path).follow(view)
            assert caught.value.code == "index-unusable"

    def test_discarding_loses_nothing(self, index: Index, world: World) -> None:
        tell(world)
        expected = dump(follow(index, world))
        index.discard()
        assert not index.path.exists()
        assert dump(follow(index, world)) == expected

    def test_a_child_opens_its_own(self, index: Index, world: World) -> None:
        tell(world)
        follow(index, world)
        names = [row.name for row in index.events()]
        context = multiprocessing.get_context("fork")
        queue: multiprocessing.Queue[list[str]] = context.Queue()
        child = context.Process(target=lambda: queue.put([row.name for row in index.events()]))
        child.start()
        assert queue.get(timeout=60) == names
        child.join(60)
        assert child.exitcode == 0
        assert [row.name for row in index.events()] == names

    def test_several_follow_at_once(self, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(follower, "CHUNK_ENTRIES", 4)
        tell(world)
        with world.engine.view() as view:
            shared = worlds.Copy(view)
        alone = Index(tmp_path / "alone.db")
        alone.follow(shared)
        many = [Index(tmp_path / "index.db") for _ in range(4)]
        errors: list[BaseException] = []

        def run(index: Index) -> None:
            try:
                index.follow(shared)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(each,)) for each in many for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        for each in [*many, alone]:
            assert dump(each) == dump(alone)
            each.close()


def dump(index: Index) -> dict[str, object]:
    """All that an index can say."""
    versions = [row for model in index.models() for row in index.versions(model.name)]
    data = [row for dataset in index.datasets() for row in index.data(dataset.name)]
    rows = index.events(limit=100_000)
    streams = sorted({row.stream for row in rows} | {f"acts/{row.actor}" for row in rows} | {"policy"})
    return {
        "events": rows,
        "models": index.models(),
        "versions": versions,
        "datasets": index.datasets(),
        "data": data,
        "deployments": index.deployments(),
        "changes": index.changes(Served(), limit=100_000),
        "actors": index.actors(),
        "keys": index.keys_of(),
        "approvals": [index.approvals(row.digest) for row in versions],
        "evaluations": [index.evaluations(row.digest) for row in versions],
        "plans": [index.plans(model.name) for model in index.models()],
        "streams": {stream: index.stream_indices(stream) for stream in streams},
    }
