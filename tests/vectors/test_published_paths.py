"""The published trust paths: our verifier, the second one and the script of the pages say the same of every case."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import msgspec
import pytest

import scripting
from cases import Case, canonical, each, edited, fails, load
from muniment.core.proof import bundle as bundles
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import tell, tell_bundle, verify_answer, verify_bundle
from muniment.ledger.pins import fingerprint
from second.head import Failed
from second.head import Trust as SecondTrust
from second.verifier import verify

PATHS = load("paths")
ANSWERS = {case["name"]: case["answer"] for case in PATHS["answers"]}
TEXTS = {case["name"]: case["text"] for case in PATHS["trusts"]}


def changed(case: Case) -> Case:
    answer: Case = edited(ANSWERS[case["from"]], case.get("patch", []))
    return answer


def raw_of(case: Case) -> bytes:
    return canonical(changed(case)) + b"\n"


def trust_of(case: Case) -> Trust:
    return trusts.parse(TEXTS[case.get("trust", "founded")])


def bundle_raw(patch: Sequence[Case] = ()) -> bytes:
    return canonical(edited(PATHS["bundle"]["bundle"], patch)) + b"\n"


@each("paths", "good")
def test_good_ones_hold(case: Case) -> None:
    verified = verify_answer(raw_of(case), trust_of(case), now=case.get("now"), max_age=case.get("maxAge"))
    ground = verified.ground
    found = {"height": verified.result.height, "statuses": list(verified.result.statuses), "current": verified.current}
    found |= {"tier": ground.tier, "basis": ground.basis} | ({} if ground.led is msgspec.UNSET else {"led": ground.led})
    assert found == case["expect"]


@each("paths", "bad", "badFiles")
def test_bad_ones_fail(case: Case) -> None:
    fails(case, lambda: verify_answer(raw_of(case), trust_of(case), now=case.get("now"), max_age=case.get("maxAge")))


@each("paths", "good")
def test_the_second_verifier_holds_them(case: Case) -> None:
    trust = SecondTrust(TEXTS[case["trust"]])
    assert verify(changed(case), trust, now=case.get("now"), max_age=case.get("maxAge")) == case["expect"]


@each("paths", "bad", "badFiles")
def test_the_second_verifier_fails_them(case: Case) -> None:
    trust = SecondTrust(TEXTS[case.get("trust", "founded")])
    with pytest.raises(Failed) as caught:
        verify(changed(case), trust, now=case.get("now"), max_age=case.get("maxAge"))
    assert caught.value.step == case.get("step", 1)
    # It does not tell apart the ways in which a tree does not continue another one.
    assert case["code"].startswith(caught.value.code)


def test_a_bundle_holds_by_the_file_of_every_time() -> None:
    for name in PATHS["bundle"]["trusts"]:
        verified = verify_bundle(bundle_raw(), trusts.parse(TEXTS[name]))
        assert verified.answers[0].ground.tier == "consortium"
    case = PATHS["badBundle"]
    fails(case, lambda: bundles.decode(bundle_raw(case["patch"])))


def test_fingerprints_cover_whom_one_believes() -> None:
    found = scripting.run([{"run": "fingerprint", "text": text} for text in TEXTS.values()])
    assert [each_["gave"] for each_ in found] == [fingerprint(trusts.parse(text)) for text in TEXTS.values()]
    # All are about one ledger, and no two sets of members sound alike. A stricter quorum of the same members does.
    assert len({fingerprint(trusts.parse(text)) for name, text in TEXTS.items() if name != "all of them"}) >= 5


def test_the_script_says_the_same() -> None:
    listed = [*PATHS["good"], *PATHS["bad"], *PATHS["badFiles"]]
    asked = [
        {
            "run": "answer",
            "raw": base64.b64encode(raw_of(case)).decode(),
            "trust": TEXTS[case.get("trust", "founded")],
            **{name: case[name] for name in ("now", "maxAge") if name in case},
        }
        for case in listed
    ]
    bundle = {"run": "bundle", "raw": base64.b64encode(bundle_raw()).decode()}
    asked += [{**bundle, "trust": TEXTS[name]} for name in PATHS["bundle"]["trusts"]]
    asked.append({**bundle, "raw": base64.b64encode(bundle_raw(PATHS["badBundle"]["patch"])).decode(), "trust": TEXTS["founded"]})
    found = scripting.run(asked)
    for case, each_ in zip(listed, found, strict=False):
        if "expect" in case:
            verified = verify_answer(raw_of(case), trust_of(case), now=case.get("now"), max_age=case.get("maxAge"))
            assert "gave" in each_, (case["name"], each_)
            assert each_["gave"]["words"] == list(tell(verified)), case["name"]
            assert each_["gave"]["ground"].get("led") == case["expect"].get("led")
            assert each_["gave"]["current"] == case["expect"]["current"]
        else:
            assert (each_.get("step"), each_.get("code")) == (case.get("step", 1), case["code"]), (case["name"], each_)
    for name, each_ in zip(PATHS["bundle"]["trusts"], found[len(listed) :], strict=False):
        assert each_["gave"]["words"] == list(tell_bundle(verify_bundle(bundle_raw(), trusts.parse(TEXTS[name]))))
    assert (found[-1]["step"], found[-1]["code"]) == (1, "path-form")
