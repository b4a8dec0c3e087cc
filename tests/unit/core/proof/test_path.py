"""Trust follows the members as they change: what a path shows, and what is refused in one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import league
import makers
import membership
from league import League
from muniment.core.format import checkpoint, entry, keys, note
from muniment.core.proof import answer as answers
from muniment.core.proof import bundle as bundles
from muniment.core.proof import consortium, path
from muniment.core.proof import receipt as receipts
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import tell, verify_answer, verify_bundle, verify_receipt
from muniment.core.rules import members
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger import prover
from muniment.ledger.store.snapshot import Snapshot

UNSET = msgspec.UNSET


class Told:
    """A consortium whose members changed four times, and what it showed at each time."""

    def __init__(self, folder: Path) -> None:
        self.league = League(folder / "ledger.db")
        self.answers: dict[str, bytes] = {}
        self.trusts: dict[str, Trust] = {}
        for name, act in (
            ("founded", lambda: self.league.note("begun")),
            ("admitted", lambda: self.league.admit("echo")),
            ("rotated", lambda: self.league.rotate("bravo", 1)),
            ("removed", lambda: self.league.remove("delta")),
            ("published", lambda: self.league.publish("charlie")),
        ):
            act()
            # What shows the change was judged by those before it; the next block is judged by those after it.
            self.league.note(f"after-{name}")
            self.trusts[name] = self.league.trust
            with self.league.store.view() as view:
                self.answers[name] = answers.encode(prover.prove_entry(view, 1))
        with self.league.store.view() as view:
            self.steps = view.path()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tmp_path_factory.mktemp("league"))


@pytest.fixture
def view(told: Told) -> Iterator[Snapshot]:
    with told.league.store.view() as opened:
        yield opened


def failure(trust: Trust, steps: object) -> tuple[int, str]:
    with pytest.raises(VerificationError) as caught:
        path.check_path(trust, steps)  # type: ignore[arg-type]
    return caught.value.step, caught.value.code


class TestWalk:
    def test_it_leads_over_every_set(self, told: Told) -> None:
        walk = path.check_path(told.trusts["founded"], told.steps)
        assert [each.trust.organisations for each in walk.stages] == [
            ("alpha", "bravo", "charlie", "delta"),
            ("alpha", "bravo", "charlie", "delta", "echo"),
            ("alpha", "bravo", "charlie", "delta", "echo"),
            ("alpha", "bravo", "charlie", "echo"),
            ("alpha", "bravo", "charlie", "echo"),
        ]
        assert [each.trust.quorum for each in walk.stages] == [3, 4, 4, 3, 3]
        assert walk.own == 0

    def test_whose_set_is_where(self, told: Told) -> None:
        owns = {name: path.check_path(each, told.steps).own for name, each in told.trusts.items()}
        # Who publishes is no other set.
        assert owns == {"founded": 0, "admitted": 1, "rotated": 2, "removed": 4, "published": 4}

    def test_a_set_that_comes_back_leaves_those_between_behind(self, tmp_path: Path) -> None:
        them = League(tmp_path / "ledger.db")
        first = them.trust
        them.admit("echo")
        them.note()
        between = them.trust
        them.remove("echo")
        them.note()
        with them.store.view() as view:
            steps, sizes = view.path(), [view.header(height).size + 1 for height in (1, 2, 4)]
        them.store.close()
        walk = path.check_path(first, steps)
        assert walk.own == 2
        judged = [walk.judge(size) for size in sizes]
        assert [(each.organisations, former) for each, former in judged] == [
            (first.organisations, False),
            (between.organisations, True),
            (first.organisations, False),
        ]
        assert path.check_path(between, steps).own == 1

    def test_a_change_judges_what_comes_after_it(self, told: Told) -> None:
        walk = path.check_path(told.trusts["founded"], told.steps)
        changed = walk.stages[1].size
        assert walk.judge(changed)[0] == walk.stages[0].trust
        assert walk.judge(changed + 1)[0] == walk.stages[1].trust
        assert walk.judge(1)[0] == walk.stages[0].trust

    def test_a_trust_file_moves_forward_and_keeps_the_log_keys(self, told: Told) -> None:
        moved = path.follow(told.trusts["founded"], told.steps)
        assert (moved.cosigners, moved.quorum) == (told.trusts["published"].cosigners, 3)
        assert [each.public_key for each in moved.log_keys] == [
            membership.signer("charlie", "publish").public_key,
            membership.signer("alpha", "publish").public_key,
            makers.LOG.public_key,
        ]
        assert path.follow(moved, told.steps) == moved

    def test_a_file_about_others_is_not_led(self, told: Told) -> None:
        validators = members.Validators(members=(membership.member("golf"),))
        other = consortium.to_trust(makers.ORIGIN, told.league.ledger, validators)
        with pytest.raises(VerificationError) as caught:
            path.follow(other, told.steps)
        assert (caught.value.step, caught.value.code) == (4, "path-apart")


class TestRefusals:
    def test_a_forged_genesis(self, told: Told) -> None:
        header = entry.decode_header(told.steps[0].header)
        forged = entry.encode_header(msgspec.structs.replace(header, time="2026-01-01T00:00:00.000000Z"))
        assert failure(told.trusts["founded"], (Step(header=forged), *told.steps[1:])) == (2, "path-genesis")

    def test_a_gap(self, told: Told) -> None:
        for at in range(1, len(told.steps) - 1):
            step, _ = failure(told.trusts["founded"], (*told.steps[:at], *told.steps[at + 1 :]))
            assert step in (4, 5)

    def test_another_order(self, told: Told) -> None:
        a, b, c, *rest = told.steps
        assert failure(told.trusts["founded"], (a, c, b, *rest))[0] in (4, 5)

    def test_a_step_twice(self, told: Told) -> None:
        *first, last = told.steps
        assert failure(told.trusts["founded"], (*first, last, last)) == (4, "path-order")

    def test_a_header_that_is_not_the_last_leaf(self, told: Told, view: Snapshot) -> None:
        step = told.steps[1]
        assert step.note is not UNSET
        size = bundles.read_size(step.note)
        inner = view.header(1).size
        moved = msgspec.structs.replace(step, header=view.entry(inner), proof=view.inclusion(inner, size))
        assert failure(told.trusts["founded"], (told.steps[0], moved))[0] == 7

    def test_a_header_that_names_nobody(self, told: Told, view: Snapshot) -> None:
        size = view.header(1).size + 1
        shown = note.parse(view.checkpoint_at(1))
        lines = tuple(each for each in shown.signatures if each.name != makers.ORIGIN)
        step = Step(
            header=view.entry(size - 1),
            note=note.format(note.Note(shown.text, lines)).decode(),
            proof=view.inclusion(size - 1, size),
            consistency=view.consistency(1, size),
        )
        assert failure(told.trusts["founded"], (told.steps[0], step)) == (8, "path-members")

    def test_fewer_than_a_quorum(self, told: Told) -> None:
        for at, quorum in ((1, 3), (2, 4), (3, 4), (4, 3)):
            step = told.steps[at]
            assert step.note is not UNSET
            parsed = note.parse(step.note.encode())
            assert len(parsed.signatures) == quorum
            fewer = note.format(note.Note(parsed.text, parsed.signatures[1:])).decode()
            changed = (*told.steps[:at], msgspec.structs.replace(step, note=fewer), *told.steps[at + 1 :])
            assert failure(told.trusts["founded"], changed) == (4, "path-quorum")

    def test_a_line_by_somebody_else(self, told: Told) -> None:
        step = told.steps[1]
        assert step.note is not UNSET
        parsed = note.parse(step.note.encode())
        line = checkpoint.cosign(parsed, "witness.example/w", makers.BOB, 1)
        more = note.format(note.attach(parsed, [line])).decode()
        assert failure(told.trusts["founded"], (told.steps[0], msgspec.structs.replace(step, note=more))) == (4, "path-line")

    def test_a_set_signed_by_the_new_members_alone(self, told: Told, view: Snapshot) -> None:
        step = told.steps[1]
        assert step.note is not UNSET
        found = checkpoint.parse(note.parse(step.note.encode()).text)
        strangers = [membership.signer(each, "cosign", 5) for each in ("alpha", "bravo", "charlie")]
        bare = note.Note(checkpoint.format(found), ())
        lines = tuple(
            note.parse_signature(checkpoint.cosign(bare, members.cosigner_name(makers.ORIGIN, name), each, 1))
            for name, each in zip(("alpha", "bravo", "charlie"), strangers, strict=True)
        )
        forged = note.format(note.Note(bare.text, lines)).decode()
        forged_step = msgspec.structs.replace(step, note=forged)
        assert failure(told.trusts["founded"], (told.steps[0], forged_step)) == (4, "path-line")

    @pytest.mark.parametrize("steps", [(), "no genesis", "a note at the genesis"])
    def test_what_is_no_path(self, told: Told, steps: object) -> None:
        given = {
            "no genesis": told.steps[1:],
            "a note at the genesis": (msgspec.structs.replace(told.steps[0], note=told.steps[1].note), *told.steps[1:]),
        }.get(str(steps), ())
        with pytest.raises(InvalidInput) as caught:
            path.check_path(told.trusts["founded"], given)
        assert caught.value.code == "path-form"


class TestAnswers:
    def test_each_verifies_by_the_trust_file_of_its_time_or_any_other(self, told: Told) -> None:
        names = list(told.trusts)
        for shown, raw in told.answers.items():
            for held, trust in told.trusts.items():
                verified = verify_answer(raw, trust)
                assert (verified.ground.tier, verified.ground.basis) == ("consortium", "voted")
                at, own = names.index(shown), names.index(held)
                same = at == own or {shown, held} == {"removed", "published"}
                assert verified.ground.led == (UNSET if same else "later" if at > own else "former"), (shown, held)

    def test_it_says_so(self, told: Told) -> None:
        later = tell(verify_answer(told.answers["published"], told.trusts["founded"]))
        former = tell(verify_answer(told.answers["founded"], told.trusts["published"]))
        assert any(each.startswith("The members have changed since your trust file was written.") for each in later)
        assert any("members of that time" in each for each in former)
        assert any("Trust tier: consortium. 4 of 4 organisations voted" in each for each in former)

    def test_an_old_one_without_its_path_still_verifies_by_the_old_trust_file(self, told: Told) -> None:
        bare = answers.encode(msgspec.structs.replace(answers.decode(told.answers["founded"]), path=()))
        assert verify_answer(bare, told.trusts["founded"]).ground.led is UNSET
        with pytest.raises(VerificationError) as caught:
            verify_answer(bare, told.trusts["rotated"])
        assert (caught.value.step, caught.value.code) == (4, "quorum")
        # By the path that the ledger gives, the newer file does as well.
        assert verify_answer(bare, told.trusts["rotated"], path=told.steps).ground.led == "former"

    def test_former_members_say_nothing_about_what_is_new(self, told: Told) -> None:
        with pytest.raises(VerificationError) as caught:
            verify_answer(told.answers["founded"], told.trusts["published"], now="2026-11-23T12:00:10.000000Z", max_age=3_600)
        assert (caught.value.step, caught.value.code) == (6, "former-members")
        fresh = verify_answer(told.answers["published"], told.trusts["founded"], now="2026-11-23T12:00:30.000000Z", max_age=3_600)
        assert fresh.current
        assert "quorum of 3" in fresh.clocks[0].whose

    def test_a_reader_with_terms_of_his_own_is_not_led(self, told: Told) -> None:
        stricter = msgspec.structs.replace(told.trusts["founded"], quorum=4)
        assert verify_answer(told.answers["founded"], stricter).ground.quorum == 4
        with pytest.raises(VerificationError):
            verify_answer(told.answers["rotated"], stricter)

    def test_the_publisher_alone_is_no_tier(self, told: Told, view: Snapshot) -> None:
        parsed = note.parse(view.checkpoint)
        alone = note.format(note.Note(parsed.text, parsed.signatures[:1]))
        assert parsed.signatures[0].name == makers.ORIGIN
        receipt = receipts.format(msgspec.structs.replace(prover.prove_receipt(view, 1), checkpoint=alone))
        with pytest.raises(VerificationError) as caught:
            verify_receipt(receipt, told.trusts["published"], entry=view.entry(1))
        assert (caught.value.step, caught.value.code) == (4, "quorum")

    def test_a_silent_publisher_stops_nobody(self, told: Told, view: Snapshot) -> None:
        parsed = note.parse(view.checkpoint)
        silent = note.format(note.Note(parsed.text, parsed.signatures[1:]))
        receipt = receipts.format(msgspec.structs.replace(prover.prove_receipt(view, 1), checkpoint=silent))
        verified = verify_receipt(receipt, told.trusts["published"], entry=view.entry(1))
        assert (verified.ground.signed, verified.ground.tier) == (False, "consortium")

    def test_two_of_four_make_nothing(self, told: Told, view: Snapshot) -> None:
        parsed = note.parse(view.checkpoint)
        # The publisher is one of the two.
        two = tuple(each for each in parsed.signatures if each.name.endswith(("/alpha", "/charlie")) or each.name == makers.ORIGIN)
        assert len(two) == 3
        receipt = msgspec.structs.replace(prover.prove_receipt(view, 1), checkpoint=note.format(note.Note(parsed.text, two)))
        with pytest.raises(VerificationError) as caught:
            verify_receipt(receipts.format(receipt), told.trusts["published"], entry=view.entry(1))
        assert (caught.value.step, caught.value.code) == (4, "quorum")


class TestBundles:
    def test_one_made_before_a_change_and_one_made_after(self, told: Told, view: Snapshot) -> None:
        older = view.checkpoint_at(2)
        made = prover.prove_bundle(view, [prover.prove_entry(view, 1)], entries=[1, 3], older=[older], trust=told.league.trust)
        assert (made.path, made.answers[0].path) == (told.steps, ())
        raw = bundles.encode(made)
        for trust in told.trusts.values():
            verified = verify_bundle(raw, trust)
            assert {each.ground.tier for each in (*verified.answers, *verified.receipts)} == {"consortium"}

    def test_an_answer_in_it_has_no_path_of_its_own(self, told: Told, view: Snapshot) -> None:
        made = prover.prove_bundle(view, [prover.prove_entry(view, 1)])
        twice = msgspec.structs.replace(made, answers=(answers.decode(told.answers["published"]),))
        with pytest.raises(InvalidInput) as caught:
            bundles.encode(twice)
        assert caught.value.code == "path-form"


class TestMovedIn:
    """A ledger of one operator that members took over."""

    @pytest.fixture
    def moved(self, tmp_path: Path) -> League:
        made = League(tmp_path / "ledger.db", organisations=())
        made.note("alone")
        admitted = [membership.member(each) for each in league.ORGANISATIONS]
        made.append(
            *[
                makers.sign(
                    made.ledger,
                    "member.changed",
                    member=each.organisation,
                    change="admit",
                    validatorKey=each.key,
                    cosignerKey=each.cosigner,
                )
                for each in admitted
            ]
        )
        made.publish("bravo")
        made.note("together")
        return made

    def test_whoever_trusted_the_operator_is_led_on(self, moved: League) -> None:
        alone = Trust(makers.ORIGIN, moved.ledger, (makers.VERIFIER,))
        with moved.store.view() as view:
            raw = answers.encode(prover.prove_entry(view, 1))
            verified = verify_answer(raw, alone)
            assert (verified.ground.tier, verified.ground.led) == ("consortium", "later")
            assert path.follow(alone, view.path()).cosigners == moved.trust.cosigners

    def test_the_operator_alone_proves_nothing_to_those_who_trust_the_members(self, moved: League) -> None:
        with moved.store.view() as view:
            steps = view.path()
            old = msgspec.structs.replace(prover.prove_receipt(view, 1), checkpoint=view.checkpoint_at(1))
            size = bundles.read_size(view.checkpoint_at(1).decode())
            text = receipts.format(msgspec.structs.replace(old, proof=view.inclusion(1, size)))
            with pytest.raises(VerificationError) as caught:
                verify_receipt(text, moved.trust, entry=view.entry(1), path=steps)
            assert (caught.value.step, caught.value.code) == (4, "quorum")
            # Whoever says that one operator's word is enough may take it.
            verified = verify_receipt(text, moved.trust, entry=view.entry(1), path=steps, tier="solo")
            assert (verified.ground.tier, verified.ground.led) == ("solo", "former")

    def test_the_old_key_has_to_be_known(self, moved: League) -> None:
        with moved.store.view() as view:
            without = msgspec.structs.replace(moved.trust, log_keys=moved.trust.log_keys[:1])
            assert failure(without, view.path()) == (3, "log-key-unknown")


class TestToTrust:
    @pytest.mark.parametrize(("count", "quorum"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (7, 5), (64, 43)])
    def test_the_quorum(self, count: int, quorum: int) -> None:
        listed = tuple(membership.member(f"member-{number:02}") for number in range(count))
        trust = consortium.to_trust("example.com/x", "0" * 64, members.Validators(members=listed))
        assert trust.quorum == quorum
        assert consortium.names_members(trust)
        assert {each.verifier.type for each in trust.cosigners} == {keys.COSIGNATURE}
        assert trust.cosigners[0].verifier.name == "example.com/x/member-00"

    def test_what_is_no_set_of_members(self, told: Told) -> None:
        trust = told.trusts["founded"]
        assert not consortium.names_members(Trust(trust.origin, trust.ledger, trust.log_keys))
        assert not consortium.names_members(msgspec.structs.replace(trust, quorum=2))
        other = msgspec.structs.replace(trust.cosigners[0], statement="replayed")
        assert not consortium.names_members(msgspec.structs.replace(trust, cosigners=(other, *trust.cosigners[1:])))

    def test_a_former_log_key_that_cosigns_now_is_left_out(self, told: Told) -> None:
        listed = members.Validators(members=(membership.member("alpha"),))
        former = keys.derive(makers.ORIGIN, membership.signer("alpha", "cosign").public_key)
        trust = consortium.to_trust(makers.ORIGIN, told.league.ledger, listed, (former, makers.VERIFIER))
        assert trust.log_keys == (makers.VERIFIER,)


def test_a_solo_ledger_has_no_path(tmp_path: Path) -> None:
    life = makers.found(tmp_path / "ledger.db")
    life.grow(4)
    with life.engine.view() as view:
        assert view.path() == ()
        assert b'"path"' not in answers.encode(prover.prove_entry(view, 1))
