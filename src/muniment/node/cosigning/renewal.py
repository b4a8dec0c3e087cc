"""A member's word anew: while nothing happens each member signs the newest settled checkpoint again, with the present time.

Only that shows how old a checkpoint is: a reader who saw nothing newer cannot tell an old one, which a quorum signed in its day,
from the newest one, unless the newest one is never old.

    renewal = Renewal("lab", keeper, cosigners, alarms)
    renewal.look()                  # now and then: signs where it is time to

Why a quorum of such lines shows that there was nothing newer when the last of it was signed: a newer checkpoint is settled by a
quorum too, any two quorums have an honest member in common, and he signs no older checkpoint once he has the newer one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from muniment.core.format import checkpoint
from muniment.core.format.note import Note
from muniment.core.rules import members
from muniment.node.alarms import Alarms
from muniment.node.cosigning import head
from muniment.node.cosigning.head import Head
from muniment.node.cosigning.keeper import Keeper
from muniment.node.cosigning.keyring import Keyring

RENEW_SECONDS = 120.0
"""So old a member's line on the newest checkpoint becomes. All of a quorum are told to each other within another few seconds."""

LEAST_SECONDS = RENEW_SECONDS / 2
"""A member's line is taken anew no sooner than this after the last one."""

LISTENING_SECONDS = 4.0
"""So long a node that was just started lets others say what is newer than what it has: as long as a beat of the exchange."""

SILENCING = frozenset({"diverged", "engine-failed", "protocol-unknown", "signed-elsewhere"})
"""Alarms of a node that does not follow the chain, or not the others' one: it says nothing anew."""


class Renewal:
    """One member's own line on the newest checkpoint, kept young."""

    def __init__(
        self,
        organisation: str,
        keeper: Keeper,
        cosigners: Keyring,
        alarms: Alarms,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._organisation = organisation
        self._keeper = keeper
        self._cosigners = cosigners
        self._alarms = alarms
        self._clock = clock
        self._began = clock()

    def look(self) -> bool:
        """Sign the newest checkpoint anew where this member's line on it is old and nothing speaks against it; did it?"""
        newest, now = self._keeper.newest, self._clock()
        line = self._keeper.said(newest).get(self._organisation)
        # What a wrong clock dated further ahead than this nobody else took: to wait until then would be to say nothing.
        if line is None or -head.CLOCK_SECONDS <= now - head.read_time(line) < RENEW_SECONDS:
            return False
        if 0 <= now - self._began < LISTENING_SECONDS:
            return False
        if not self._stands_behind(newest):
            return False
        signer = None if newest.voters is None else self._cosigners.find(newest.voters.key(self._organisation))
        if signer is None:
            return False
        name = members.cosigner_name(self._keeper.origin, self._organisation)
        return self._keeper.renew(newest, checkpoint.cosign(Note(newest.text, ()), name, signer, int(now)))

    def _stands_behind(self, newest: Head) -> bool:
        """Is it the newest one as far as can be known here, with a quorum behind it, at a node in order?"""
        if not newest.is_settled or self._keeper.is_outrun:
            return False
        return not any(each.code in SILENCING for each in self._alarms.standing())
