"""Declarative events before operation: systems, risks, data quality, documents, changes, conformity."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from muniment.core.format.encoding import HexDigest, Identifier, Segment, Time
from muniment.core.format.statement import Sealed
from muniment.core.rules.events.declarative import Declarative, things_of
from muniment.core.rules.events.predicate import Event, require
from muniment.core.rules.events.stream_name import Stream
from muniment.core.rules.events.value import UNSET, Absent, Clause, Control, Element, MediaType

OperatorRole = Literal["authorised-representative", "deployer", "distributor", "importer", "product-manufacturer", "provider"]
RiskCategory = Literal["gpai", "gpai-systemic", "high", "limited", "minimal", "prohibited"]
Level = Literal["high", "low", "medium", "serious"]
Materiality = Literal["high", "low", "medium"]
AccessMode = Literal["api", "embedded", "hosted", "open-weights"]
Transparency = Literal[
    "biometric-categorisation", "deep-fake", "emotion-recognition", "interaction", "public-text", "synthetic-content"
]
RiskKind = Literal["aiia", "dpia", "fria", "rms"]
AssessmentKind = Literal["bias", "quality", "representativeness", "split-independence"]
DocumentType = Literal[
    "annex-iv",
    "annex-xi",
    "annex-xii",
    "art53d-summary",
    "copyright-policy",
    "datasheet",
    "declaration-of-conformity",
    "instructions-for-use",
    "ml-bom",
    "model-card",
    "other",
    "pccp",
    "pmm-plan",
    "qms",
]
ChangeType = Literal[
    "architecture", "configuration", "data", "guardrail", "hyperparameter", "other", "prompt", "purpose", "threshold", "weights"
]
Procedure = Literal["annex-vi", "annex-vii", "other"]


class FoundationModel(Element, frozen=True, kw_only=True):
    """A model of somebody else that a system builds on.

    name: what it is called
    version: the version that is used, as its maker calls it
    digest: digest of its files, where they are at hand
    accessMode: how it is used
    """

    name: Identifier
    version: Identifier | Absent = UNSET
    digest: HexDigest | Absent = UNSET
    access_mode: AccessMode

    def order(self) -> tuple[str, ...]:
        return (self.name, "" if self.version is UNSET else self.version)


class SystemRegistered(Event, frozen=True, kw_only=True):
    """An AI system is registered under its name.

    about: what it is built of, as far as it is recorded
    name: what people call the system
    intendedPurpose: what it is for, in words
    operatorRole: the role of the organisation in the terms of the EU AI Act
    riskCategory: its category in the terms of the EU AI Act
    annexPoint: the point of a regulation's list that it falls under, such as eu-ai-act:annex-iii.5(b)
    materiality: how much depends on it
    foundationModels: models of others that it builds on
    transparency: what users must be told
    euDatabaseId: its id in the EU database
    """

    NAME: ClassVar[str] = "system.registered"
    STREAMS: ClassVar[tuple[str, ...]] = ("system", "about")

    about: tuple[Stream, ...] = ()
    name: Identifier
    intended_purpose: Sealed | Absent = UNSET
    operator_role: OperatorRole | Absent = UNSET
    risk_category: RiskCategory | Absent = UNSET
    annex_point: Control | Absent = UNSET
    materiality: Materiality | Absent = UNSET
    foundation_models: tuple[FoundationModel, ...] = ()
    transparency: tuple[Transparency, ...] = ()
    eu_database_id: Identifier | Absent = UNSET

    def touches(self) -> tuple[str, ...]:
        return (f"system/{self.name}", *self.about)

    def things(self) -> tuple[tuple[str, str], ...]:
        return things_of(self.about)


class RiskAssessed(Declarative, frozen=True, kw_only=True):
    """Risks were assessed.

    kind: risk management (rms), fundamental rights (fria), data protection (dpia) or AI impact (aiia)
    methodology: how, in words
    hazards: what may go wrong, in words
    measures: what is done about it, in words
    residualRisk: what remains
    safetyRiskAssessment: the safety risk in the terms of SPDX
    reportDigest: digest of the report
    """

    NAME: ClassVar[str] = "risk.assessed"

    kind: RiskKind
    methodology: Sealed | Absent = UNSET
    hazards: Sealed | Absent = UNSET
    measures: Sealed | Absent = UNSET
    residual_risk: Level | Absent = UNSET
    safety_risk_assessment: Level | Absent = UNSET
    report_digest: HexDigest | Absent = UNSET


class Assertion(Element, frozen=True, kw_only=True):
    """One test of a data set.

    name: the test
    column: the column that was tested; absent for the whole
    success: whether it held
    """

    name: Identifier
    column: Identifier | Absent = UNSET
    success: bool

    def order(self) -> tuple[str, ...]:
        return (self.name, "" if self.column is UNSET else self.column)


class DatasetAssessed(Declarative, frozen=True, kw_only=True):
    """The quality of data was assessed.

    kind: what was assessed
    assertions: the tests and their results
    assumptions: what was assumed, in words
    representativeness: whom and what it represents, in words
    biasFindings: which biases were found, in words
    gaps: what is missing, in words
    specialCategoryBasis: the clause that allows special categories of personal data
    reviewer: the actor who reviewed
    reportDigest: digest of the report
    """

    NAME: ClassVar[str] = "dataset.assessed"

    kind: AssessmentKind | Absent = UNSET
    assertions: tuple[Assertion, ...] = ()
    assumptions: Sealed | Absent = UNSET
    representativeness: Sealed | Absent = UNSET
    bias_findings: Sealed | Absent = UNSET
    gaps: Sealed | Absent = UNSET
    special_category_basis: Control | Absent = UNSET
    reviewer: Segment | Absent = UNSET
    report_digest: HexDigest | Absent = UNSET


class DocumentPublished(Declarative, frozen=True, kw_only=True):
    """A document was published.

    documentType: what kind of document
    mediaType: how it is written
    digest: SHA-256 of its bytes
    version: its version
    supersedes: digest of the document that it replaces
    sections: the sections that it covers, such as 2(g)
    language: its language, a BCP 47 tag
    """

    NAME: ClassVar[str] = "document.published"

    document_type: DocumentType
    media_type: MediaType | Absent = UNSET
    digest: HexDigest
    version: Identifier | Absent = UNSET
    supersedes: HexDigest | Absent = UNSET
    sections: tuple[Clause, ...] = ()
    language: Segment | Absent = UNSET

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((self.document_type, self.digest),)


class ChangeClassified(Declarative, frozen=True, kw_only=True):
    """A change from one version to another was classified.

    from: the version before
    to: the version after
    changeType: what changed
    substantial: whether it is a substantial modification
    withinPredeterminedPlan: whether a published plan foresaw it
    planDigest: digest of that plan
    modificationId: the modification's id in that plan
    rationale: why it is classified so, in words
    acceptanceCriteria: what had to be met, in words
    """

    NAME: ClassVar[str] = "change.classified"

    from_: HexDigest | Absent = msgspec.field(name="from", default=UNSET)
    to: HexDigest
    change_type: ChangeType
    substantial: bool
    within_predetermined_plan: bool
    plan_digest: HexDigest | Absent = UNSET
    modification_id: Identifier | Absent = UNSET
    rationale: Sealed | Absent = UNSET
    acceptance_criteria: Sealed | Absent = UNSET

    def things(self) -> tuple[tuple[str, str], ...]:
        return ((f"version/{self.to}", self.to),)

    def check(self) -> None:
        super().check()
        require(self.from_ != self.to, "a change leads from one version to another")


class ConformityRecorded(Declarative, frozen=True, kw_only=True):
    """The conformity of a system was assessed or declared.

    procedure: the procedure in the terms of the EU AI Act
    notifiedBody: the number of the notified body
    certificateId: the certificate's id
    expiresAt: until when it is valid
    standards: the standards that were applied, such as iso-iec:42001
    declarationDigest: digest of the declaration of conformity
    euDatabaseId: its id in the EU database
    """

    NAME: ClassVar[str] = "conformity.recorded"

    procedure: Procedure
    notified_body: Segment | Absent = UNSET
    certificate_id: Identifier | Absent = UNSET
    expires_at: Time | Absent = UNSET
    standards: tuple[Control, ...] = ()
    declaration_digest: HexDigest | Absent = UNSET
    eu_database_id: Identifier | Absent = UNSET
