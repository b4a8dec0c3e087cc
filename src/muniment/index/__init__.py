"""The read model: follows a ledger and answers what its state map cannot, such as names, listings and prefixes.

    index = Index(path)                     # an own SQLite file; deleting it loses nothing
    with engine.view() as view:
        index.follow(view)                  # reads what is new, once
    index.resolve("credit-risk@3").digest
    index.events(stream="deployment/production/credit-risk", limit=10)

Nothing here is believed: what is shown as proved is proved from the ledger itself. All answers are as of the size of the
view that was followed last.
"""

from muniment.index.read_model import Index
from muniment.index.rows import (
    ActorRow,
    ApprovalRow,
    DataRow,
    DatasetRow,
    DeploymentRow,
    EvaluationRow,
    EventRow,
    IncidentRow,
    KeyRow,
    ModelRow,
    PlanRow,
    Query,
    RunRow,
    Thing,
    VersionRow,
)

__all__ = [
    "ActorRow",
    "ApprovalRow",
    "DataRow",
    "DatasetRow",
    "DeploymentRow",
    "EvaluationRow",
    "EventRow",
    "IncidentRow",
    "Index",
    "KeyRow",
    "ModelRow",
    "PlanRow",
    "Query",
    "RunRow",
    "Thing",
    "VersionRow",
]
