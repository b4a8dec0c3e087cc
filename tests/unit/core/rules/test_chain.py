"""The state machine: the laws of every event, verdicts, blocks, sealing and founding."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

import machine as machines
import makers
from machine import EVE, Machine
from muniment.core.format import dsse, entry, merkle, state_map
from muniment.core.rules import beginning, chain, events, genesis
from muniment.core.rules.genesis import Founder
from muniment.core.rules.policy import Policy, Role, Threshold, Verdict
from muniment.core.rules.records import MAX_SET_BYTES
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger.replay import Replay
from muniment.ledger.signers import SeedSigner

A, B = "a" * 64, "b" * 64
NEW = SeedSigner(b"n" * 32)
SCRIBES = {"roles": [{"name": "owner", "may": ["*"]}, {"name": "scribe", "may": ["model.registered"]}]}


def rules(verdict: Verdict) -> list[str]:
    """The rules that refused an event."""
    assert verdict.decision == "refused"
    return [reason.rule for reason in verdict.reasons]


def model(machine: Machine, version: str = A, actor: str = "ada", **fields: object) -> bytes:
    """A signed registration."""
    return machine.sign("model.registered", actor, model="m", version=version, derivation="trained", **fields)


def outcomes(verdicts: list[Verdict]) -> list[tuple[str, int]]:
    """What became of each event, and where it stands."""
    return [(verdict.decision, verdict.index) for verdict in verdicts]


# The laws of every event


def test_an_event_of_another_ledger_is_refused(machine: Machine) -> None:
    raw = makers.sign(B, "model.registered", model="m", version=A, derivation="trained")
    (verdict,) = machine.block(raw)
    assert rules(verdict) == ["ledger"]
    assert B[:8] in verdict.reasons[0].found


def test_an_event_is_signed_with_a_key_of_its_actor(machine: Machine) -> None:
    for signer in (EVE, NEW):
        raw = machine.sign("model.registered", "ada", signer, model="m", version=A, derivation="trained")
        assert rules(machine.block(raw)[0]) == ["key"]
    (verdict,) = machine.block(machine.sign("note.added", "nobody", NEW, about=["policy"], text={"sealed": "A" * 43}))
    assert rules(verdict) == ["key"]


def test_a_signature_over_other_bytes_is_invalid_input(machine: Machine) -> None:
    one, two = dsse.decode(model(machine)), dsse.decode(model(machine, B))
    with pytest.raises(InvalidInput) as caught:
        chain.open_submission(dsse.encode(msgspec.structs.replace(one, signature=two.signature)))
    assert caught.value.code == "bad-signature"


def test_the_role_must_allow_the_event(machine: Machine) -> None:
    assert machine.refusals("model.registered", "bob", model="m", version=A, derivation="trained") == ["role"]
    assert machine.refusals("note.added", "eve", about=["policy"], text={"sealed": "A" * 43}) == ["role"]
    machine.say("note.added", "bob", about=["policy"], text={"sealed": "A" * 43})


def test_on_behalf_of_names_enrolled_persons(machine: Machine) -> None:
    for other in ("ci", "nobody"):
        assert machine.refusals("system.registered", name="s", onBehalfOf=[other]) == ["actor"]
    machine.say("system.registered", name="s", onBehalfOf=["bob"])
    assert machine.refusals("system.registered", "eve", name="s", onBehalfOf=["nobody"]) == ["actor", "role"]


def test_an_expired_key_signs_no_more(machine: Machine) -> None:
    proof = machines.prove_key("bob", NEW)
    expires = "2026-11-23T12:00:02.000000Z"
    machine.say("key.changed", of="bob", change="add", key=proof.key, proof=proof.proof, expiresAt=expires)
    raw = machine.sign("note.added", "bob", NEW, about=["policy"], text={"sealed": "A" * 43})
    # The next block's time is the second at which the key expires.
    assert rules(machine.block(raw)[0]) == ["key"]
    assert machine.state(f"key/{proof.key}") == {"actor": "bob", "expires": expires, "since": 1}


def test_what_ends_in_a_block_has_ended_for_the_rest_of_it(machine: Machine) -> None:
    note = {"about": ["policy"], "text": {"sealed": "A" * 43}}
    key = machines.SIGNERS["bob"].public_key.hex()
    verdicts = machine.block(
        machine.sign("note.added", "bob", **note),
        machine.sign("key.changed", of="bob", change="revoke", key=key),
        machine.sign("note.added", "bob", **note),
    )
    assert [verdict.decision for verdict in verdicts] == ["admitted", "admitted", "refused"]
    assert machine.state(f"key/{key}") == {"actor": "bob", "since": 0, "until": 2}


def test_an_actor_may_end_his_own_key(machine: Machine) -> None:
    key = makers.ADA.public_key.hex()
    verdicts = machine.block(
        machine.sign("key.changed", of="ada", change="revoke", key=key), machine.sign("system.registered", name="s")
    )
    assert outcomes(verdicts) == [("admitted", 1), ("refused", -1)]
    machine.say("system.registered", "ci", name="s")


def test_roles_change_for_the_rest_of_the_block(machine: Machine) -> None:
    verdicts = machine.block(
        machine.sign("system.registered", "eve", name="s"),
        machine.sign("actor.enrolled", of="eve", kind="person", roles=["owner"]),
        machine.sign("system.registered", "eve", name="s"),
        machine.sign("actor.enrolled", of="eve", kind="person"),
        machine.sign("system.registered", "eve", name="s"),
    )
    assert [verdict.decision for verdict in verdicts] == ["refused", "admitted", "admitted", "admitted", "refused"]


def test_a_policy_acts_from_the_next_block(machine: Machine) -> None:
    verdicts = machine.block(machine.sign("policy.amended", policy=SCRIBES), model(machine, A, "bob"))
    assert [verdict.decision for verdict in verdicts] == ["admitted", "refused"]
    machine.block(model(machine, A, "bob"))
    assert machine.state(f"version/{A}")["model"] == "m"
    assert machine.refusals("note.added", "bob", about=["policy"], text={"sealed": "A" * 43}) == ["role"]


# Idempotency


def test_the_same_payload_again_gives_the_first_index(machine: Machine) -> None:
    raw = model(machine)
    assert outcomes(machine.block(raw, raw)) == [("admitted", 1), ("repeated", 1)]
    before = machine.position
    assert outcomes(machine.block(raw)) == [("repeated", 1)]
    # Whoever signed it: a retry after a key was rotated is no second event.
    assert outcomes(machine.block(machines.sign_again(raw, NEW))) == [("repeated", 1)]
    assert machine.position == before


def test_another_payload_under_the_same_id_is_refused(machine: Machine) -> None:
    id_ = makers.next_id()
    one, two = model(machine, A, event_id=id_), model(machine, B, event_id=id_)
    first, second = machine.block(one, two)
    assert first.decision == "admitted"
    assert rules(second) == ["event-id"]
    assert rules(machine.block(two)[0]) == ["event-id"]


def test_a_refused_event_leaves_its_id_free(machine: Machine) -> None:
    raw = machine.sign("incident.closed", incident=makers.next_id(), version=A)
    refused, repeated = machine.block(raw, raw)
    assert (rules(refused), rules(repeated)) == (["unknown", "unknown"], ["unknown", "unknown"])
    assert machine.replay.find(refused.event_id) is None
    machine.block(model(machine, event_id=refused.event_id))
    assert machine.replay.find(refused.event_id) == 1


def test_a_block_that_admits_nothing_is_the_identity(machine: Machine) -> None:
    before, records = machine.position, dict(machine.replay.records)
    machine.block(machine.sign("model.retired", model="m", version=A, cause="cost"), model(machine, A, "eve"))
    assert (machine.position, machine.replay.records) == (before, records)


def test_a_refused_event_in_the_middle_changes_nothing(machine: Machine) -> None:
    raws = [model(machine, A), model(machine, A, "bob"), model(machine, B)]
    other = Machine()
    verdicts = machine.block(*raws)
    assert outcomes(verdicts) == [("admitted", 1), ("refused", -1), ("admitted", 2)]
    other.block(raws[0], raws[2])
    assert other.position == machine.position


def test_an_event_relies_on_what_stands_before_it_in_the_block(machine: Machine) -> None:
    deploy = machine.sign("deployment.changed", transition="start", environment="p", name="m", version=A)
    assert [verdict.decision for verdict in machine.block(deploy, model(machine), deploy)] == ["refused", "admitted", "admitted"]


# Records and headers


def test_each_stream_folds_its_entries(machine: Machine) -> None:
    raw, note = model(machine), machine.sign("note.added", "bob", about=["model/m"], text={"sealed": "A" * 43})
    machine.block(raw, note)
    head = state_map.fold(state_map.key("model/m"), 1, merkle.leaf(raw))
    head = state_map.fold(head, 2, merkle.leaf(note))
    found = machine.record("model/m")
    assert found == {
        "count": 2,
        "first": 1,
        "head": head.hex(),
        "last": 2,
        "state": {"count": 1, "latest": A, "owner": "ada"},
    }
    assert machine.record("acts/bob") == {
        "count": 1,
        "first": 2,
        "head": state_map.fold(state_map.key("acts/bob"), 2, merkle.leaf(note)).hex(),
        "last": 2,
        "state": {},
    }


def test_the_header_commits_to_all_before_it(machine: Machine) -> None:
    genesis_raw, raw = machine.entries[0], model(machine)
    machine.block(raw)
    header = entry.decode_header(machine.entries[-1])
    assert (header.height, header.size, header.protocol) == (1, 2, 1)
    assert header.previous == merkle.leaf(genesis_raw).hex() == machine.ledger
    assert header.root == merkle.root([merkle.leaf(genesis_raw), merkle.leaf(raw)]).hex()
    assert header.state == machine.replay.map.root().hex()
    assert machine.position.frontier == merkle.Frontier().extend([merkle.leaf(each) for each in machine.entries])


def test_replay_refuses_a_block_that_holds_what_the_rules_refuse(machine: Machine) -> None:
    machine.block(model(machine))
    header = entry.decode_header(machine.entries[-1])
    for raw in (model(machine, A, "eve"), model(machine, B, event_id=machine.event_ids()[0])):
        replay = Replay(machine.bodies.__getitem__)
        replay.advance(machine.entries[0], ())
        with pytest.raises(VerificationError) as caught:
            replay.advance(entry.encode_header(header), [chain.open_submission(raw)] * 2)
        assert caught.value.code == "not-admissible"


def test_replay_refuses_an_empty_block_and_a_block_that_is_not_later(machine: Machine) -> None:
    machine.block(model(machine))
    raw, submissions = machine.blocks[-1]
    replay = Replay(machine.bodies.__getitem__)
    replay.advance(machine.entries[0], ())
    header = entry.decode_header(raw)
    with pytest.raises(VerificationError) as caught:
        replay.advance(raw, ())
    assert caught.value.code == "not-admissible"
    assert replay.position is not None
    with pytest.raises(VerificationError) as caught:
        replay.advance(entry.encode_header(msgspec.structs.replace(header, time=replay.position.time)), submissions)
    assert caught.value.code == "time-order"
    replay.advance(raw, submissions)
    assert replay.position == machine.position


# Sizes


def test_no_record_outgrows_its_size(machine: Machine) -> None:
    """What somebody fills to the brim still finds room for a hold, a withdrawal and a revocation."""
    machine.block(model(machine))
    many = [f"e{n:02d}" + "x" * 125 for n in range(30)]
    decided = {"decision": "reject", "meaning": "review"}
    verdicts = [
        machine.block(machine.sign("approval.decided", of={"version": A, "environment": place}, **decided))[0] for place in many
    ]
    assert rules(verdicts[-1]) == ["record-size"]
    machine.say("incident.recorded", severity="high", awareAt="2026-11-23T00:00:00.000000Z", version=A, hold=True)
    assert machine.state(f"version/{A}")["holds"] == 1

    fields = {"name": "d", "bytes": 1, "files": 1, "licence": "l" * 128}
    assert machine.refusals("dataset.registered", data=B, **fields, purposes=many) == ["record-size"]
    room = MAX_SET_BYTES - 24 * 131
    machine.say("dataset.registered", data=B, **fields, purposes=[*many[:24], "z" * (room - 3)])
    machine.say("dataset.withdrawn", data=B, cause="consent")
    assert machine.state(f"data/{B}")["withdrawn"] > 0


def test_what_enrols_too_many_roles_is_refused(machine: Machine) -> None:
    roles = [f"r{n:02d}" + "x" * 125 for n in range(25)]
    many = [{"name": "owner", "may": ["*"]}, *[{"name": role} for role in roles]]
    machine.say("policy.amended", policy={"roles": many})
    assert machine.refusals("actor.enrolled", of="zoe", kind="person", roles=roles) == ["record-size"]
    machine.say("actor.enrolled", of="zoe", kind="person", roles=roles[:24])


# Founding


def changed(**changes: object) -> genesis.Genesis:
    """The founding with other fields."""
    return msgspec.structs.replace(machines.founding(), **changes)


def test_the_genesis_makes_its_records(machine: Machine) -> None:
    header = entry.decode_header(machine.entries[0])
    leaf = entry.leaf_without_state(header)
    assert machine.record("actor/ci") == {
        "count": 1,
        "first": 0,
        "head": state_map.fold(state_map.key("actor/ci"), 0, leaf).hex(),
        "last": 0,
        "state": {"kind": "service", "responsible": ["ada"], "roles": ["owner"]},
    }
    assert machine.state(f"key/{EVE.public_key.hex()}") == {"actor": "eve", "since": 0}
    assert machine.state("protocol") == {"number": 1}
    assert machine.state("policy")["index"] == 0
    assert len(machine.replay.records) == 2 * len(machines.SIGNERS) + 2


@pytest.mark.parametrize(
    ("founding", "code"),
    [
        (changed(actors=(Founder(id="a", kind="service", keys=(), responsible=("b",)),)), "bad-genesis"),
        (
            changed(
                actors=(
                    Founder(id="a", kind="service", keys=(), responsible=("b",)),
                    Founder(id="b", kind="organisation", keys=()),
                )
            ),
            "bad-genesis",
        ),
        (changed(actors=(Founder(id="a", kind="person", keys=(), roles=("king",)),)), "bad-genesis"),
        (changed(actors=(Founder(id="a", kind="person", keys=(machines.prove_key("b", NEW),)),)), "key-proof"),
        (changed(origin="Example.com/x"), "schema"),
        (
            changed(
                actors=(Founder(id="a", kind="person", keys=(), roles=tuple(f"r{n:02d}" + "x" * 125 for n in range(25))),),
                policy=Policy(roles=tuple(Role(name=f"r{n:02d}" + "x" * 125) for n in range(25))),
            ),
            "record-size",
        ),
    ],
)
def test_what_nobody_could_replay_is_not_founded(founding: genesis.Genesis, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        beginning.found(founding, "2026-11-23T12:00:00.000000Z")
    assert caught.value.code == code


def test_a_policy_holds_numbers_and_sorted_sets() -> None:
    def ask(threshold: str, metric: str = "auc") -> Threshold:
        return Threshold(metric=metric, comparator="ge", threshold=threshold, dataset_role="test")

    for threshold in ("1e999", "NaN", "Infinity"):
        with pytest.raises(InvalidInput) as caught:
            ask(threshold)
        assert caught.value.code == "bad-decimal"
    plain = {"name": "p", "evaluations": [msgspec.to_builtins(each) for each in (ask("0.9", "f1"), ask("0.9"))]}
    with pytest.raises(InvalidInput) as caught:
        events.build("policy.amended", {**COMMON, "policy": {"environments": [plain], "roles": []}})
    assert caught.value.code == "schema"
    plain["evaluations"].reverse()  # type: ignore[attr-defined]
    events.build("policy.amended", {**COMMON, "policy": {"environments": [plain], "roles": []}})


COMMON = {
    "ledger": hashlib.sha256(b"").hexdigest(),
    "eventId": "01890000-0000-7000-8000-000000000000",
    "occurredAt": "2026-11-23T12:00:00.000000Z",
    "actor": "ada",
}
