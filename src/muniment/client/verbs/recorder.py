"""What every verb rests on: one way to record an event, and the names of things as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from muniment.client.answers import Answers
from muniment.client.drafting import Plain
from muniment.client.things import Dataset, Recorded, Version
from muniment.core.rules import records
from muniment.core.rules.records import Deployment
from muniment.errors import InvalidInput, NotFound

DatasetRef = Dataset | str
VersionRef = Version | str


class Recorder(Answers):
    """A ledger that can be written, event by event."""

    def record(self, event: str, fields: Mapping[str, Plain]) -> Recorded:
        """Record any event of the vocabulary from its fields (docs/events.md). Prose is sealed.

        Raises InvalidInput, PolicyViolation, Conflict, Unavailable.
        """
        return self._writer.record(event, fields)

    def record_or_keep(self, event: str, fields: Mapping[str, Plain]) -> Recorded:
        """As `record`, for what may as well be said later: where the ledger cannot take it now, it waits, signed, in the spool."""
        return self._writer.record_or_keep(event, fields)

    def running(self, environment: str, name: str) -> Deployment | None:
        """What serves under a name in an environment now, if anything does."""
        state = self.state(f"deployment/{environment}/{name}", Deployment)
        return state if state is not None and state.status == "running" else None

    def digest_of(self, thing: DatasetRef | VersionRef, kind: Literal["data", "version"]) -> str:
        """The digest of a version of a data set or model; a bare name means its newest version.

        Raises NotFound, with what was perhaps meant.
        """
        if isinstance(thing, Dataset | Version):
            return thing.digest
        if _is_digest(thing):
            return thing
        found = self.resolve(thing, (kind,))
        if not found.digest:
            raise NotFound(f"{thing!r} has no versions yet", code=f"no-such-{kind}")
        return found.digest

    def model_of(self, version: str) -> str:
        """The name of the model that a digest is a version of; of what was never registered, the digest itself."""
        state = self.state(f"version/{version}", records.Version)
        return version if state is None else state.model

    def _place(self, deployment: str) -> tuple[str, str]:
        """Environment and name of a deployment. Raises InvalidInput (`bad-deployment`)."""
        environment, _, name = deployment.partition("/")
        if not name:
            raise InvalidInput(
                f"{deployment!r} is no deployment", code="bad-deployment", hint="Write it like production/credit-risk."
            )
        return environment, name


def _is_digest(text: str) -> bool:
    return len(text) == 64 and all(character in "0123456789abcdef" for character in text)
