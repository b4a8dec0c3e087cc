"""State sync: a node that lacks blocks takes the entries of the ledger from others, and judges them itself.

`format` how a snapshot is written · `shelf` what this node offers · `restoring` what it takes · `exchange` both, for the engine
"""

from muniment.node.snapshots.exchange import Snapshots
from muniment.node.snapshots.format import Offer
from muniment.node.snapshots.restoring import Applied, Offered, Result

__all__ = ["Applied", "Offer", "Offered", "Result", "Snapshots"]
