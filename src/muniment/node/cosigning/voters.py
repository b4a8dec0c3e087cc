"""Whose lines count on a checkpoint: the cosigners of the members in force before its block, and the publisher's own key.

voters = Voters(origin, validators)
voters.find(signature)                      # "lab": whose line this claims to be; "" for the log's own
voters.open(text, "lab", signature)         # its time; VerificationError where the signature does not hold
"""

from __future__ import annotations

from muniment.core.format import checkpoint, keys, note
from muniment.core.format.keys import Verifier
from muniment.core.format.note import Note, Signature
from muniment.core.rules import members
from muniment.core.rules.members import Validators

LOG = ""
"""In place of an organisation: the log's own line."""


class Voters:
    """The keys of one set of members, made once for all checkpoints that it judges."""

    def __init__(self, origin: str, validators: Validators) -> None:
        self.validators = validators
        self.quorum = validators.quorum
        self.organisations = tuple([each.organisation for each in validators.members])
        self._verifiers = _derive(origin, validators)
        self._names = {(each.name, each.key_id): name for name, each in self._verifiers.items()}

    def find(self, signature: Signature) -> str | None:
        """Whose line this claims to be; None for a stranger's."""
        return self._names.get((signature.name, signature.key_id))

    def key(self, organisation: str) -> bytes | None:
        """The public key of a cosigner, or with LOG of the publisher; None where there is none."""
        verifier = self._verifiers.get(organisation)
        return None if verifier is None else verifier.public_key

    def open(self, text: str, organisation: str, signature: Signature) -> int | None:
        """When a line was signed (POSIX seconds, by its signer's clock); None for the log's own, which says no time.

        Raises VerificationError (`cosignature`, `log-signature`) where it is not over this text.
        """
        verifier, alone = self._verifiers[organisation], Note(text, (signature,))
        if organisation == LOG:
            note.open(note.format(alone), (verifier,))
            return None
        return checkpoint.open_cosignatures(alone, (verifier,))[0].time


def _derive(origin: str, validators: Validators) -> dict[str, Verifier]:
    found = {
        each.organisation: keys.derive(
            members.cosigner_name(origin, each.organisation), bytes.fromhex(each.cosigner), keys.COSIGNATURE
        )
        for each in validators.members
    }
    publisher = validators.publisher
    if publisher is not members.UNSET:
        found[LOG] = keys.derive(origin, bytes.fromhex(publisher.key))
    return found
