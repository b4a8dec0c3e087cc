"""The home of a node: the ledger's folder, with the folder `node` in it (node.places).

home = NodeHome(Path(".muniment"))
home.load_consortium()                  # what all members sealed
home.load_settings()                    # addresses, as people edited them
"""

from __future__ import annotations

from muniment.errors import NotFound
from muniment.node import files, settings
from muniment.node.founding import consortium
from muniment.node.founding.consortium import Consortium
from muniment.node.places import NodePlaces
from muniment.node.settings import NodeSettings


class NodeHome(NodePlaces):
    """A node's paths, and what lies there."""

    __slots__ = ()

    def load_consortium(self) -> Consortium:
        """What all members sealed.

        Raises NotFound (`no-node`, with the way to one), InvalidInput (`bad-consortium`), and as `files.read`.
        """
        try:
            return consortium.decode(files.read(self.consortium, consortium.MAX_CONSORTIUM_BYTES))
        except NotFound:
            raise self._missing() from None

    def load_settings(self) -> NodeSettings:
        """Addresses. Raises as `settings.load`."""
        return settings.load(self.settings)

    def _missing(self) -> NotFound:
        if self.answer.exists():
            what = "this organisation answered a draft that is not sealed here yet"
            hint = "Run `muniment consortium seal DRAFT ANSWER...` here, with the answers of all members."
        elif self.ledger.exists():
            what = "the ledger here belongs to no consortium"
            hint = "Serve it with `muniment serve`; a consortium that it moves into begins with `muniment consortium new --from`."
        else:
            what, hint = f"there is no node at {self.home}", "Begin with `muniment consortium new`, or name its folder with --home."
        return NotFound(what, code="no-node", hint=hint)
