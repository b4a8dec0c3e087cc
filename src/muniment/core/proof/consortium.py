"""The members of a consortium as a trust file: whom a reader believes while this set is in force (docs/spec, section 11.6).

    trust = to_trust(origin, ledger, validators, log_keys)

Every member cosigns with a key of type 0x04 that is named like the origin and its organisation, and states `voted`; more than two
thirds of them make a proof. The publisher's key signs the log's own line, which outside tools need and a quorum does without.
"""

from __future__ import annotations

from collections.abc import Iterable

from muniment.core.format import keys
from muniment.core.format.keys import Verifier
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import MAX_LOG_KEYS, Cosigner, Trust
from muniment.core.rules import members
from muniment.core.rules.members import UNSET, Validators


def to_trust(origin: str, ledger: str, validators: Validators, log_keys: Iterable[Verifier] = ()) -> Trust:
    """Trust in a set of members: a quorum of them, and the key of their publisher.

    `log_keys` signed the log's line before this set; they are kept after the publisher's, as many as a trust file holds, so that
    what they signed still reads. One that cosigns now is left out. Raises InvalidInput (`bad-trust`).
    """
    cosigners = tuple(
        Cosigner(
            keys.derive(members.cosigner_name(origin, each.organisation), bytes.fromhex(each.cosigner), keys.COSIGNATURE),
            each.organisation,
            "voted",
        )
        for each in validators.members
    )
    taken = {each.verifier.public_key for each in cosigners}
    listed = () if validators.publisher is UNSET else (keys.derive(origin, bytes.fromhex(validators.publisher.key)),)
    logs = [each for each in dict.fromkeys((*listed, *log_keys)) if each.public_key not in taken]
    return trusts.check(Trust(origin, ledger, tuple(logs[:MAX_LOG_KEYS]), cosigners, validators.quorum))


def names_members(trust: Trust) -> bool:
    """Is this the trust file of a set of members, as `to_trust` writes it, and not one that its reader made to his own mind?"""
    organisations = [each.organisation for each in trust.cosigners]
    return (
        bool(organisations)
        and len(set(organisations)) == len(organisations)
        and trust.quorum == members.quorum(len(organisations))
        and all(
            each.statement == "voted"
            and each.verifier.type == keys.COSIGNATURE
            and each.verifier.name == members.cosigner_name(trust.origin, each.organisation)
            for each in trust.cosigners
        )
    )


def agree(one: Trust, other: Trust) -> bool:
    """Do two trust files name the same members with the same keys? Who published the log's line is no difference."""
    return {*one.cosigners} == {*other.cosigners} and one.quorum == other.quorum
