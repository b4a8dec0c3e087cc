"""A case together with what the ledger says about it, looked up once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from muniment.core.rules.ancestry import Ancestry, World
from muniment.core.rules.measurement import Measurement
from muniment.core.rules.policy import Party
from muniment.core.rules.records import Evaluation, Run, Version, Waiver
from muniment.core.rules.requirements.case import Case, title
from muniment.core.rules.requirements.voices import is_disputed

_BY_OTHERS = frozenset({"approvals", "separation"})
MAX_TOLD = 3


class Source(World, Protocol):
    """What the requirements ask for besides records and events."""

    def measurement(self, index: int) -> Measurement:
        """What the measurement at an entry index said."""


class Measured(msgspec.Struct, frozen=True):
    """A measurement of the version that the deployment names: its stream, its record, and what was said."""

    stream: str
    evaluation: Evaluation
    said: Measurement


class Side(msgspec.Struct, frozen=True):
    """The persons of a party; `answered` is False where somebody of it stands for no person, and nobody can be kept apart."""

    persons: tuple[str, ...]
    answered: bool


class Scene(msgspec.Struct, frozen=True):
    """`parties` are those that approvers have to be apart from, each with its persons; `waivers` those that are in force here."""

    world: Source
    case: Case
    version: Version
    ancestry: Ancestry
    parties: Mapping[Party, Side]
    waivers: tuple[tuple[str, Waiver], ...]
    measured: tuple[Measured, ...]

    @property
    def title(self) -> str:
        """The version as people write it."""
        return f"{self.version.model}@{self.version.ordinal}"

    @property
    def kept_apart(self) -> frozenset[str]:
        """The persons of all parties."""
        return frozenset(person for side in self.parties.values() for person in side.persons)

    def applicable(self, rule: str) -> list[tuple[str, Waiver]]:
        """The waivers of a rule, by event id; for approvals and separation none by those who have to be kept apart."""
        apart = self.kept_apart if rule in _BY_OTHERS else frozenset()
        return [(event_id, each) for event_id, each in self.waivers if each.rule == rule and not apart & set(each.persons)]

    def name(self, stream: str) -> str:
        """What people call a version or a data set."""
        return title(self.world, stream)


def set_scene(world: Source, case: Case, version: Version, ancestry: Ancestry, separation: Iterable[Party]) -> Scene:
    """Look up the parties and the waivers of a case."""
    measured = tuple(_find_measurements(world, case))
    parties = dict(_gather_parties(world, case, version, separation, measured))
    return Scene(world, case, version, ancestry, parties, tuple(_find_waivers(world, case)), measured)


def trainers(run: Run | None, version: Version) -> Side:
    """Who answers for the training: the run's persons and who registered the version, so that nobody hides behind another's run."""
    return _unite(version.persons) if run is None else _unite(run.persons, version.persons)


def registrars(version: Version) -> Side:
    """Who answers for the registration."""
    return _unite(version.persons)


def list_some(told: list[str]) -> str:
    """The first few as one sentence, and how many more there are."""
    if not told:
        return ""
    more = f" and {len(told) - MAX_TOLD} more" if len(told) > MAX_TOLD else ""
    text = "; ".join(told[:MAX_TOLD]) + more
    return text if text.endswith(".") else f"{text}."


def list_names(names: list[str]) -> str:
    """`trainer`, `registrar and trainer`, `deployer, registrar and trainer`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _gather_parties(
    world: World, case: Case, version: Version, separation: Iterable[Party], measured: tuple[Measured, ...]
) -> Iterator[tuple[Party, Side]]:
    run = None if version.run is msgspec.UNSET else world.read(f"run/{version.run}", Run)
    for party in separation:
        if party == "trainer":
            yield party, trainers(run, version)
        elif party == "registrar":
            yield party, registrars(version)
        elif party == "deployer":
            yield party, _unite(case.deployer)
        elif measured:
            # Where nobody measured anything, nobody has to be kept apart.
            yield party, _unite(*[each.evaluation.persons for each in measured])


def _unite(*sets: tuple[str, ...]) -> Side:
    return Side(tuple(sorted({person for persons in sets for person in persons})), all(sets))


def _find_measurements(world: Source, case: Case) -> Iterator[Measured]:
    for event_id in case.evaluations:
        stream = f"evaluation/{event_id}"
        evaluation = world.read(stream, Evaluation)
        if evaluation is not None and evaluation.version == case.version:
            yield Measured(stream, evaluation, world.measurement(evaluation.index))


def _find_waivers(world: World, case: Case) -> Iterator[tuple[str, Waiver]]:
    for event_id in case.waivers:
        waiver = world.read(f"waiver/{event_id}", Waiver)
        if (
            waiver is not None
            and (waiver.version, waiver.environment) == (case.version, case.environment)
            and waiver.expires > case.time
            and not is_disputed(world, waiver.keyid, waiver.index)
        ):
            yield event_id, waiver
