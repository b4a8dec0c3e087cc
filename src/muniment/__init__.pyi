from muniment._version import __version__ as __version__
from muniment.client.checking import verify as verify
from muniment.client.ledger import Ledger as Ledger
from muniment.client.opening import init as init
from muniment.client.opening import open as open
from muniment.client.things import Dataset as Dataset
from muniment.client.things import Plan as Plan
from muniment.client.things import Recorded as Recorded
from muniment.client.things import Version as Version
from muniment.client.training import RecordingWarning as RecordingWarning
from muniment.client.training import Training as Training
from muniment.core.proof.evidence import SplitView as SplitView
from muniment.core.rules.policy import PolicyViolation as PolicyViolation
from muniment.errors import CaptureError as CaptureError
from muniment.errors import Conflict as Conflict
from muniment.errors import CorruptStore as CorruptStore
from muniment.errors import InvalidInput as InvalidInput
from muniment.errors import LedgerError as LedgerError
from muniment.errors import MunimentError as MunimentError
from muniment.errors import NotFound as NotFound
from muniment.errors import Unavailable as Unavailable
from muniment.errors import VerificationError as VerificationError

__all__: list[str]
