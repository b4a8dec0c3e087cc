"""C2SP tlog-policy: the shapes that a trust file can hold, both ways."""

from __future__ import annotations

import pytest

import makers
import proving
from muniment.core.format import keys
from muniment.core.proof.tlog_policy import format_policy, parse_policy
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput

SOLO = Trust(makers.ORIGIN, "a" * 64, (makers.VERIFIER,))
LOG = f"log {keys.format(makers.VERIFIER)}\n"
VKEYS = {
    name: keys.format(keys.derive(f"{name}.example/w", each.public_key, keys.COSIGNATURE))
    for name, each in proving.WITNESSES.items()
}
WITNESS = {name: f"witness {name} {vkey}\n" for name, vkey in VKEYS.items()}


def test_a_trust_file_comes_back_without_its_statements() -> None:
    full = proving.witnessed(
        SOLO, [("alpha", "Alpha", "append-only"), ("beta", "Beta", "append-only"), ("beta2", "Beta", "append-only")], 2
    )
    assert parse_policy(format_policy(full), "a" * 64) == full
    assert parse_policy(format_policy(SOLO), "a" * 64) == SOLO


@pytest.mark.parametrize(
    ("text", "organisations", "quorum"),
    [
        (LOG + "quorum none", (), 0),
        (LOG + WITNESS["alpha"] + "quorum none\n", ("alpha",), 0),
        (LOG + WITNESS["alpha"] + "quorum alpha\n", ("alpha",), 1),
        (
            "# words\n\n  " + LOG + "\t" + WITNESS["alpha"] + WITNESS["beta"] + "group g all alpha beta\nquorum g\n",
            ("alpha", "beta"),
            2,
        ),
        (LOG + WITNESS["alpha"] + WITNESS["beta"] + "group g any alpha beta\nquorum g\n", ("alpha", "beta"), 1),
        (
            LOG + WITNESS["alpha"] + WITNESS["beta"] + WITNESS["beta2"] + "group b any beta beta2\ngroup g 2 alpha b\nquorum g\n",
            ("alpha", "b"),
            2,
        ),
        (LOG.strip() + " https://log.example\n" + WITNESS["alpha"].strip() + " https://w.example/\nquorum alpha", ("alpha",), 1),
    ],
)
def test_shapes_that_a_trust_file_holds(text: str, organisations: tuple[str, ...], quorum: int) -> None:
    found = parse_policy(text, "a" * 64, statement="replayed")
    assert (found.organisations, found.quorum, found.origin, found.ledger) == (organisations, quorum, makers.ORIGIN, "a" * 64)
    assert {cosigner.statement for cosigner in found.cosigners} <= {"replayed"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (LOG, "bad-policy"),
        (LOG + "quorum none\nquorum none\n", "bad-policy"),
        (LOG + "quorum alpha\n" + WITNESS["alpha"], "bad-policy"),
        (LOG + WITNESS["alpha"] * 2 + "quorum none\n", "bad-policy"),
        (LOG + WITNESS["alpha"].replace("witness alpha", "witness none") + "quorum none\n", "bad-policy"),
        (LOG + WITNESS["alpha"] + "group g 2 alpha\nquorum g\n", "bad-policy"),
        (LOG + WITNESS["alpha"] + "group g 01 alpha\nquorum g\n", "bad-policy"),
        (LOG + WITNESS["alpha"] + "group g any\nquorum g\n", "bad-policy"),
        (LOG + WITNESS["alpha"] + "group g any g\nquorum g\n", "bad-policy"),
        (LOG + WITNESS["alpha"] + "group g any alpha alpha\nquorum g\n", "bad-policy"),
        (LOG + WITNESS["alpha"] + "group g any alpha\ngroup h any alpha\nquorum g\n", "bad-policy"),
        (LOG + "colour blue\nquorum none\n", "bad-policy"),
        (LOG + "quorum none\r\n", "bad-policy"),
        ("quorum none\n", "policy-not-expressible"),
        (LOG + f"log {keys.format(keys.derive('other.example', makers.BOB.public_key))}\nquorum none\n", "policy-not-expressible"),
        (
            LOG + WITNESS["alpha"] + WITNESS["beta"] + WITNESS["gamma"] + "group i all alpha beta\ngroup g any i gamma\nquorum g\n",
            "policy-not-expressible",
        ),
        (LOG + "witness alpha x\nquorum none\n", "bad-vkey"),
        (LOG * 2 + "quorum none\n", "bad-trust"),
        (LOG + WITNESS["alpha"] + WITNESS["alpha"].replace("witness alpha", "witness again") + "quorum none\n", "bad-trust"),
        ("#" * 300_000, "too-long"),
    ],
)
def test_what_is_refused(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_policy(text, "a" * 64)
    assert caught.value.code == code
