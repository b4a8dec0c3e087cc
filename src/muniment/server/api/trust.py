"""How the members of a consortium came to be who they are: what a reader's trust file is led by."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from muniment.core.format.encoding import MAX_INTEGER
from muniment.core.proof import bundle as bundles
from muniment.core.proof import trust as trusts
from muniment.core.proof.part import UNSET
from muniment.net.wire import Members
from muniment.server.hosting import Hosted

After = Annotated[
    int,
    QueryParameter(
        name="from",
        ge=0,
        le=MAX_INTEGER,
        description="Only the changes after a checkpoint of so many entries; without it all of them, from the genesis on.",
    ),
]


@get("/v1/trust", opt={"scope": "read"}, sync_to_thread=True)
def read_trust(hosted: NamedDependency[Hosted], after: After = 0) -> Members:
    """The trust file as of now, and the path that leads to it: each set of members, cosigned by a quorum of the one before.

    A ledger without members has no path.
    """
    with hosted.reader.view() as view:
        believed, steps = hosted.writer.believe(view), view.path(named=True)
    shown = tuple(each for each in steps if after == 0 or (each.note is not UNSET and bundles.read_size(each.note) > after))
    return Members(trust=trusts.format(believed), path=shown)


ROUTES = (read_trust,)
