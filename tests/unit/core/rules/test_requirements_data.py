"""What an environment asks of all that a version was made of: nothing withdrawn, licences, purposes, known origins."""

from __future__ import annotations

import pytest

from machine import Bank, production
from muniment.core.rules.policy import DataTerms

A, B, C = "a" * 64, "b" * 64, "c" * 64
D, E, F = "d" * 64, "e" * 64, "f" * 64


def terms(licences: tuple[str, ...] = (), purposes: tuple[str, ...] = (), unknown: bool = True) -> Bank:
    """Production asks for these terms."""
    return Bank(production(data=DataTerms(licences=licences, purposes=purposes, allow_unknown_ancestry=unknown)))


def trained_on(*data: str, role: str = "training") -> dict[str, object]:
    """The inputs of a run."""
    return {"inputs": [{"data": each, "role": role} for each in data]}


def test_withdrawn_data_stops_what_learned_from_it() -> None:
    bank = Bank()
    bank.data()
    bank.train(**trained_on(D))
    assert bank.against(name="before") == []
    bank.say("dataset.withdrawn", data=D, cause="consent")
    (reason,) = bank.deploy()
    assert reason.sentence() == (
        "Nothing that a deployed version was made of is withdrawn. loans@1 was withdrawn (entry 9): m@1 <- loans@1. "
        "Train again without it, or have it waived for a time: `muniment waive withdrawn m@1 production --for 24h`."
    )
    assert reason.missing == (f"data/{D}",)
    # What runs already can still be scaled and stopped.
    assert bank.against(name="before", transition="scale") == []
    assert bank.against(name="before", transition="stop") == []


def test_the_way_of_withdrawn_data_into_a_version_is_told() -> None:
    """Through a transformation, a base model, a merge and an adapter."""
    bank = Bank()
    bank.data()
    bank.data(E, "clean")
    bank.say("dataset.transformed", operation="clean", inputs=[D], outputs=[E])
    bank.train(version=A, **trained_on(E))
    run = bank.say("training.started", "tom", baseVersions=[A])
    bank.say("model.registered", "tom", model="tuned", version=B, derivation="finetuned", run=run)
    bank.say("model.registered", "tom", model="merged", version=C, derivation="merged", parents=[B])
    bank.say("model.registered", "tom", model="adapted", version=F, derivation="adapter", parents=[C])
    bank.say("dataset.withdrawn", data=D, cause="licence")
    for version, way in ((A, "m@1"), (B, "tuned@1 <- m@1"), (F, "adapted@1 <- merged@1 <- tuned@1 <- m@1")):
        (reason,) = bank.deploy(version=version)
        assert f"{way} <- clean@1 <- loans@1" in reason.found


def test_what_a_run_only_tested_on_is_no_ancestor() -> None:
    bank = terms(licences=("MIT",))
    bank.data()
    bank.train(**trained_on(D, role="test"))
    bank.say("dataset.withdrawn", data=D, cause="defect")
    assert bank.against() == []
    bank.data(E)
    bank.train(version=B, **trained_on(E, role="validation"))
    assert bank.against(version=B, replaces=A) == ["licence"]


def test_withdrawn_data_goes_into_nothing_new(  # neither into a run nor into other data
) -> None:
    bank = Bank()
    bank.data()
    bank.data(E)
    bank.say("dataset.withdrawn", data=D, cause="defect")
    (reason,) = bank.reasons("training.started", **trained_on(D, E))
    assert (reason.rule, reason.sentence()) == (
        "withdrawn",
        "What was withdrawn is used no more. loans@1 was withdrawn (entry 5). Use other data.",
    )
    assert bank.refusals("dataset.transformed", operation="clean", inputs=[D], outputs=[E]) == ["withdrawn"]
    # How withdrawn data itself came to be may still be said.
    bank.say("dataset.transformed", operation="clean", inputs=[E], outputs=[D])


def test_every_data_set_is_under_a_listed_licence() -> None:
    bank = terms(licences=("CC-BY-4.0", "MIT"))
    bank.data(licence="MIT")
    bank.data(E, "scraped", licence="proprietary")
    bank.data(F, "unsaid")
    bank.train(**trained_on(D))
    bank.train(version=B, **trained_on(D, E, F))
    (reason,) = bank.deploy(version=B)
    assert reason.sentence() == (
        "production takes what is licensed under CC-BY-4.0 or MIT. scraped@1 is under proprietary; unsaid@1 states no licence. "
        "Train without it, or have it waived for a time: `muniment waive licence m@2 production --for 24h`."
    )
    assert bank.against() == []


def test_a_version_that_states_a_licence_states_a_listed_one() -> None:
    bank = terms(licences=("MIT",))
    for version, parents, licence in ((A, [], {"licence": "GPL-3.0-only"}), (B, [], {}), (C, [B], {"licence": "GPL-3.0-only"})):
        bank.say("model.registered", model="m", version=version, derivation="imported", parents=parents, **licence)
    # The licence of the version itself is not asked for.
    assert bank.against(version=A) == []
    assert bank.against(version=C, replaces=A) == []
    bank.say("model.registered", model="m", version=D, derivation="merged", parents=[A, B])
    (reason,) = bank.deploy(version=D, replaces=C)
    assert (reason.rule, reason.found) == ("licence", "m@1 is under GPL-3.0-only.")


def test_every_data_set_allows_all_listed_purposes() -> None:
    bank = terms(purposes=("credit", "research"))
    bank.data(purposes=["credit", "marketing", "research"])
    bank.data(E, "narrow", purposes=["credit"])
    bank.data(F, "silent")
    bank.train(**trained_on(D))
    bank.train(version=B, **trained_on(E, F))
    (reason,) = bank.deploy(version=B)
    assert reason.sentence() == (
        "production takes data that may be used for credit and research. "
        "narrow@1 is not for research; silent@1 is not for credit, research. "
        "Train without it, or have it waived for a time: `muniment waive purpose m@2 production --for 24h`."
    )
    assert bank.against() == []


def test_every_version_of_the_ancestry_has_a_known_origin() -> None:
    bank = terms(unknown=False)
    bank.data()
    bank.say("model.registered", model="found", version=A, derivation="imported")
    (reason,) = bank.deploy(version=A)
    assert (reason.rule, reason.found) == ("unknown-ancestry", "Nobody said what found@1 was made of.")
    bank.say("model.registered", model="m", version=B, derivation="finetuned", parents=[A], data=[D])
    (reason,) = bank.deploy(version=B)
    assert (reason.rule, reason.found) == ("unknown-ancestry", "Nobody said what found@1 was made of.")
    bank.train(version=C, **trained_on(D))
    assert bank.against(version=C) == []


def test_a_run_that_only_tested_says_nothing_of_an_origin() -> None:
    bank = terms(unknown=False)
    bank.data()
    bank.train(**trained_on(D, role="test"))
    bank.train(version=B)
    assert (bank.against(), bank.against(version=B)) == (["unknown-ancestry"], ["unknown-ancestry"])


def test_every_term_has_its_own_reason() -> None:
    bank = terms(("MIT",), ("credit",), unknown=False)
    bank.data()
    bank.say("model.registered", model="found", version=B, derivation="imported")
    bank.say("model.registered", model="m", version=A, derivation="finetuned", parents=[B], data=[D])
    bank.say("dataset.withdrawn", data=D, cause="defect")
    assert bank.against() == ["withdrawn", "licence", "purpose", "unknown-ancestry"]


def test_long_lists_are_cut() -> None:
    bank = terms(("MIT",))
    data = [f"{n:064x}" for n in range(6)]
    for each in data:
        bank.data(each, "part")
    bank.train(**trained_on(*data))
    (reason,) = bank.deploy()
    stated = "; ".join(f"part@{n} states no licence" for n in (1, 2, 3))
    assert reason.found == f"{stated} and 3 more."


@pytest.mark.parametrize("limit", ["MAX_THINGS", "MAX_THINGS_OF_BLOCK"])
def test_the_limits_are_those_of_the_specification(limit: str) -> None:
    from muniment.core.rules import ancestry

    assert getattr(ancestry, limit) == {"MAX_THINGS": 4_096, "MAX_THINGS_OF_BLOCK": 32_768}[limit]
