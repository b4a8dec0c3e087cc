"""Step 10: how the key stood at the entry that it signed, and who its actor is (docs/spec, section 10.5).

Admission is final: a key that ended or was disputed later leaves old entries as they are. But an entry that its key could
not have signed when it was admitted (before the key was enrolled, after it ended, once it had expired) is the ledger's own
breach of its rules, and fails.
"""

from __future__ import annotations

from collections.abc import Mapping

from muniment.core.format.state_map import Record
from muniment.core.proof.inquiry import Block
from muniment.core.proof.inquiry.ground import read_state
from muniment.core.proof.verify.statement import Signed
from muniment.core.proof.verify.verified import UNSET, Absent, KeyStanding, Signer
from muniment.core.rules.records import Actor, Key
from muniment.errors import VerificationError

STEP = 10


class Signers:
    """The keys and actors of an answer, each read once from the verified records."""

    def __init__(self, records: Mapping[str, Record | None]) -> None:
        self.records = records
        self._keys: dict[str, Key] = {}
        self._actors: dict[str, tuple[Record, Actor]] = {}

    def check(self, signed: Signed, block: Block | Absent) -> Signer:
        """Who signed, from the records of his key and of himself.

        Raises VerificationError (step 10): `signer-missing` where the answer lacks a record, `key-unknown`, `key-actor`,
        `key-early`, `key-ended`, `key-expired`, `actor-unknown`.
        """
        key = self._key(signed.key)
        _check_key(signed, key, block)
        record, person = self._actor(signed.actor)
        standing: KeyStanding = "in-force" if key.until is UNSET else "ended"
        if key.disputes(signed.index):
            standing = "disputed"
        return Signer(
            actor=signed.actor,
            key=signed.key,
            standing=standing,
            since=key.since,
            until=key.until,
            disputed_from=key.disputed_from,
            kind=person.kind,
            organisation=person.organisation,
            responsible=person.responsible,
            roles=person.roles,
            status=person.status,
            unchanged=record.last < signed.index,
        )

    def _key(self, key: str) -> Key:
        if key not in self._keys:
            self._keys[key] = read_state(_require(f"key/{key}", self.records, "key-unknown", "key"), Key, f"key/{key}")
        return self._keys[key]

    def _actor(self, actor: str) -> tuple[Record, Actor]:
        if actor not in self._actors:
            record = _require(f"actor/{actor}", self.records, "actor-unknown", "actor")
            self._actors[actor] = record, read_state(record, Actor, f"actor/{actor}")
        return self._actors[actor]


def _check_key(signed: Signed, key: Key, block: Block | Absent) -> None:
    """Could this key sign this entry when it was admitted?"""
    if key.actor != signed.actor:
        raise _failure("key-actor", f"entry {signed.index} names {signed.actor} and is signed with a key of {key.actor}")
    # What enrols or ends a key stands at `since` or `until` itself; genesis enrols at 0, before any event.
    if signed.index <= key.since:
        raise _failure("key-early", f"entry {signed.index} is signed with a key that was enrolled at entry {key.since}")
    if key.until is not UNSET and signed.index > key.until:
        raise _failure("key-ended", f"entry {signed.index} is signed with a key that ended at entry {key.until}")
    if key.expires is not UNSET and block is not UNSET and key.expires <= block.time:
        raise _failure(
            "key-expired", f"entry {signed.index}, sealed at {block.time}, is signed with a key that expired {key.expires}"
        )


def _require(stream: str, records: Mapping[str, Record | None], code: str, what: str) -> Record:
    if stream not in records:
        raise _failure("signer-missing", f"this file does not show how the {what} of an entry stands ({stream})")
    record = records[stream]
    if record is None:
        raise _failure(code, f"the ledger knows no such {what}: {stream}")
    return record


def _failure(code: str, message: str) -> VerificationError:
    return VerificationError(message, step=STEP, code=code)
