"""The vocabulary: every event of a model's life, its streams, and its one sequence of bytes (docs/spec, section 12).

event = events.DatasetRegistered(ledger=..., event_id=..., occurred_at=..., actor="alice", name="loans", ...)
payload = events.encode(event)          # what the actor signs
events.decode(payload) == event         # strict: one event, one sequence of bytes
events.streams(event)                   # ("acts/alice", "data/9f86...", "dataset/loans")
"""

from __future__ import annotations

from muniment.core.rules.events.amendment import RecordAmended
from muniment.core.rules.events.approval import ApprovalDecided, ApprovalSubject, WaiverGranted
from muniment.core.rules.events.assurance import (
    Assertion,
    ChangeClassified,
    ConformityRecorded,
    DatasetAssessed,
    DocumentPublished,
    FoundationModel,
    RiskAssessed,
    SystemRegistered,
)
from muniment.core.rules.events.catalogue import FAMILIES, TYPES
from muniment.core.rules.events.codec import MAX_STREAMS, about, build, decode, encode, predicate_type, streams, subjects
from muniment.core.rules.events.control import (
    ActorEnrolled,
    AttemptRefused,
    DisclosureMade,
    KeyChanged,
    LedgerLinked,
    MemberChanged,
    PolicyAmended,
    ProtocolUpgraded,
)
from muniment.core.rules.events.data import DatasetRegistered, DatasetTransformed, DatasetWithdrawn, Snapshot
from muniment.core.rules.events.declarative import Declarative, NoteAdded
from muniment.core.rules.events.deployment import DeploymentChanged, DeploymentObserved
from muniment.core.rules.events.evaluation import EvaluationCompleted, EvaluationPlanned
from muniment.core.rules.events.incident import IncidentClosed, IncidentRecorded
from muniment.core.rules.events.model import ModelRegistered, ModelRetired, ParameterChanged, ParameterOwner
from muniment.core.rules.events.operation import (
    CorrectiveActionTaken,
    Drift,
    IncidentNotified,
    MonitoringReported,
    OperationLogged,
    OversightIntervened,
)
from muniment.core.rules.events.order import arrange
from muniment.core.rules.events.ownership import OwnershipAccepted, OwnershipOffered
from muniment.core.rules.events.predicate import Citation, Event, Source
from muniment.core.rules.events.schema import clear_fields, sealed_fields
from muniment.core.rules.events.stream_name import Stream
from muniment.core.rules.events.training import TrainingFinished, TrainingInput, TrainingOutput, TrainingStarted
from muniment.core.rules.events.value import Harness, Metric, Parameter, SealedText

__all__ = [
    "FAMILIES",
    "MAX_STREAMS",
    "TYPES",
    "ActorEnrolled",
    "ApprovalDecided",
    "ApprovalSubject",
    "Assertion",
    "AttemptRefused",
    "ChangeClassified",
    "Citation",
    "ConformityRecorded",
    "CorrectiveActionTaken",
    "DatasetAssessed",
    "DatasetRegistered",
    "DatasetTransformed",
    "DatasetWithdrawn",
    "Declarative",
    "DeploymentChanged",
    "DeploymentObserved",
    "DisclosureMade",
    "DocumentPublished",
    "Drift",
    "EvaluationCompleted",
    "EvaluationPlanned",
    "Event",
    "FoundationModel",
    "Harness",
    "IncidentClosed",
    "IncidentNotified",
    "IncidentRecorded",
    "KeyChanged",
    "LedgerLinked",
    "MemberChanged",
    "Metric",
    "ModelRegistered",
    "ModelRetired",
    "MonitoringReported",
    "NoteAdded",
    "OperationLogged",
    "OversightIntervened",
    "OwnershipAccepted",
    "OwnershipOffered",
    "Parameter",
    "ParameterChanged",
    "ParameterOwner",
    "PolicyAmended",
    "ProtocolUpgraded",
    "RecordAmended",
    "RiskAssessed",
    "SealedText",
    "Snapshot",
    "Source",
    "Stream",
    "SystemRegistered",
    "TrainingFinished",
    "TrainingInput",
    "TrainingOutput",
    "TrainingStarted",
    "WaiverGranted",
    "about",
    "arrange",
    "build",
    "clear_fields",
    "decode",
    "encode",
    "predicate_type",
    "sealed_fields",
    "streams",
    "subjects",
]
