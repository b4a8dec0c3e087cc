"""The ledger as of its newest block, and what a first contact needs to know of it."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency

from muniment._version import __version__
from muniment.core.proof import authority, trust
from muniment.ledger.pins import fingerprint
from muniment.net.wire import About, Frame
from muniment.server import frames
from muniment.server.api.parameters import Since
from muniment.server.hosting import Hosted


@get("/v1/view", opt={"scope": "read"}, sync_to_thread=True)
def read_view(hosted: NamedDependency[Hosted], since: Since = None) -> Frame:
    """The newest block, and the proof that it continues the ledger of `from` entries."""
    with hosted.reader.view() as view:
        return frames.read_frame(view, since)


@get("/v1/ledger", opt={"scope": "read"}, sync_to_thread=True)
def read_about(hosted: NamedDependency[Hosted]) -> About:
    """What a first contact needs: the trust file as the operator hands it out, and the fingerprint to compare."""
    with hosted.reader.view() as view:
        believed = hosted.writer.believe(view)
        head = authority.open_head(view.checkpoint, believed)
        return About(
            origin=believed.origin,
            ledger=believed.ledger,
            trust=trust.format(believed),
            fingerprint=fingerprint(believed),
            release=__version__,
            size=view.size,
            height=view.height,
            tier=head.tier,
        )


ROUTES = (read_view, read_about)
