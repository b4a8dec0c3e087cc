"""Events of data sets: registered, transformed, withdrawn."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from muniment.core.format.encoding import HexDigest, Identifier, Natural, Segment
from muniment.core.format.statement import Sealed
from muniment.core.rules.events.predicate import Event, require
from muniment.core.rules.events.value import UNSET, Absent, Fields, Parameter

CollectionProcess = Literal["annotation", "derived", "export", "instrument", "other", "purchase", "scrape", "survey", "synthetic"]
SourceCategory = Literal["crawled", "other", "private-licensed", "private-other", "public", "synthetic", "user"]
PersonalData = Literal["no", "pseudonymised", "yes"]
Operation = Literal["anonymise", "augment", "clean", "dedup", "join", "label", "split"]
WithdrawalCause = Literal["consent", "defect", "erasure", "licence"]


class Snapshot(Fields, frozen=True, kw_only=True):
    """The state of a table that a data set was read from.

    system: the system that holds the table
    table: the table's name
    version: its version or snapshot id there
    """

    system: Segment
    table: Identifier
    version: Identifier


class DatasetRegistered(Event, frozen=True, kw_only=True):
    """A data set is registered under its name and its manifest root.

    name: what people call the data set
    data: the root of its manifest, which is its identity
    bytes: the size of all its files
    files: how many files it has
    rows: how many records it has
    format: how its files are written, such as parquet
    schemaDigest: digest of the description of its columns
    collectionProcess: how the data came to be
    origin: where it came from, in words
    licence: its licence, an SPDX identifier
    purposes: what it may be used for; absent where nothing is said
    sourceCategory: the kind of source, in the terms of the EU summary of training content
    personalData: whether it holds personal data; absent where nobody says
    snapshot: the table and version that it was read from
    """

    NAME: ClassVar[str] = "dataset.registered"
    STREAMS: ClassVar[tuple[str, ...]] = ("dataset", "data")

    name: Identifier
    data: HexDigest
    bytes: Natural
    files: Natural
    rows: Natural | Absent = UNSET
    format: Segment | Absent = UNSET
    schema_digest: HexDigest | Absent = UNSET
    collection_process: CollectionProcess | Absent = UNSET
    origin: Sealed | Absent = UNSET
    licence: Segment | Absent = UNSET
    purposes: tuple[Identifier, ...] = ()
    source_category: SourceCategory | Absent = UNSET
    personal_data: PersonalData | Absent = UNSET
    snapshot: Snapshot | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (f"dataset/{self.name}", f"data/{self.data}")

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((self.name, self.data),)


class DatasetTransformed(Event, frozen=True, kw_only=True):
    """Data sets were made out of others.

    operation: what was done
    inputs: manifest roots of what went in
    outputs: manifest roots of what came out
    codeDigest: digest of the code that did it
    parameters: the settings that it ran with
    """

    NAME: ClassVar[str] = "dataset.transformed"
    STREAMS: ClassVar[tuple[str, ...]] = ("data",)

    operation: Operation
    inputs: Annotated[tuple[HexDigest, ...], msgspec.Meta(min_length=1)]
    outputs: Annotated[tuple[HexDigest, ...], msgspec.Meta(min_length=1)]
    code_digest: HexDigest | Absent = UNSET
    parameters: tuple[Parameter, ...] = ()

    def touches(self) -> tuple[str, ...]:
        return tuple(f"data/{each}" for each in (*self.outputs, *self.inputs))

    def things(self) -> tuple[tuple[str, str], ...]:
        return tuple((f"data/{each}", each) for each in self.outputs)

    def check(self) -> None:
        super().check()
        require(not {*self.inputs} & {*self.outputs}, "a data set cannot be made out of itself")


class DatasetWithdrawn(Event, frozen=True, kw_only=True):
    """A data set may no longer be used, nor what was made of it be deployed.

    data: the manifest root of the data set
    cause: why it was withdrawn
    remedy: what shall be done about it, in words
    """

    NAME: ClassVar[str] = "dataset.withdrawn"
    STREAMS: ClassVar[tuple[str, ...]] = ("data",)

    data: HexDigest
    cause: WithdrawalCause
    remedy: Sealed | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (f"data/{self.data}",)

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((f"data/{self.data}", self.data),)
