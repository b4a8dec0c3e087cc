"""The catalogue: every event of protocol 1, by family and by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from muniment.core.rules.events.amendment import RecordAmended
from muniment.core.rules.events.approval import ApprovalDecided, WaiverGranted
from muniment.core.rules.events.assurance import (
    ChangeClassified,
    ConformityRecorded,
    DatasetAssessed,
    DocumentPublished,
    RiskAssessed,
    SystemRegistered,
)
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
from muniment.core.rules.events.data import DatasetRegistered, DatasetTransformed, DatasetWithdrawn
from muniment.core.rules.events.declarative import NoteAdded
from muniment.core.rules.events.deployment import DeploymentChanged, DeploymentObserved
from muniment.core.rules.events.evaluation import EvaluationCompleted, EvaluationPlanned
from muniment.core.rules.events.incident import IncidentClosed, IncidentRecorded
from muniment.core.rules.events.model import ModelRegistered, ModelRetired, ParameterChanged
from muniment.core.rules.events.operation import (
    CorrectiveActionTaken,
    IncidentNotified,
    MonitoringReported,
    OperationLogged,
    OversightIntervened,
)
from muniment.core.rules.events.ownership import OwnershipAccepted, OwnershipOffered
from muniment.core.rules.events.predicate import Event
from muniment.core.rules.events.training import TrainingFinished, TrainingStarted

FAMILIES: Mapping[str, tuple[type[Event], ...]] = MappingProxyType(
    {
        "Data": (DatasetRegistered, DatasetTransformed, DatasetWithdrawn),
        "Training": (TrainingStarted, TrainingFinished),
        "Models": (ModelRegistered, ParameterChanged, ModelRetired),
        "Evaluation": (EvaluationPlanned, EvaluationCompleted),
        "Decisions": (ApprovalDecided, WaiverGranted),
        "Deployment": (DeploymentChanged, DeploymentObserved),
        "Incidents": (IncidentRecorded, IncidentClosed),
        "Ownership": (OwnershipOffered, OwnershipAccepted),
        "Amendment": (RecordAmended,),
        "Control": (
            ActorEnrolled,
            KeyChanged,
            PolicyAmended,
            MemberChanged,
            ProtocolUpgraded,
            AttemptRefused,
            DisclosureMade,
            LedgerLinked,
        ),
        "Declarative": (
            SystemRegistered,
            RiskAssessed,
            DatasetAssessed,
            DocumentPublished,
            ChangeClassified,
            ConformityRecorded,
            OperationLogged,
            OversightIntervened,
            MonitoringReported,
            IncidentNotified,
            CorrectiveActionTaken,
            NoteAdded,
        ),
    }
)

TYPES: Mapping[str, type[Event]] = MappingProxyType({each.NAME: each for family in FAMILIES.values() for each in family})
