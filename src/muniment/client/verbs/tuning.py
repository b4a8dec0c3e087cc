"""What is set: a parameter of a version or of a deployment."""

from __future__ import annotations

from collections.abc import Mapping

from muniment.client import drafting, parameters
from muniment.client.drafting import Plain
from muniment.client.things import Recorded, Version
from muniment.client.verbs.recorder import Recorder, VersionRef
from muniment.core.format.statement import Sealed
from muniment.core.rules.events.model import Target
from muniment.core.rules.events.value import UNSET, SealedText
from muniment.errors import InvalidInput


class Tuning(Recorder):
    """Verbs of those who change what a version or a deployment is set to."""

    def change(
        self,
        of: VersionRef,
        path: str,
        value: Plain,
        *,
        target: Target,
        unit: str | None = None,
        ticket: str | None = None,
        reason: str | None = None,
    ) -> Recorded:
        """Record that a parameter of a version or a deployment (`environment/name`) has another value; None unsets it.

        The value before is found. A text that is neither an identifier nor a number is sealed, beside its digest.
        Raises as `draft_change`, and PolicyViolation.
        """
        return self.record(
            "parameter.changed", self.draft_change(of, path, value, target=target, unit=unit, ticket=ticket, reason=reason)
        )

    def draft_change(
        self,
        of: VersionRef,
        path: str,
        value: Plain,
        *,
        target: Target,
        unit: str | None = None,
        ticket: str | None = None,
        reason: str | None = None,
    ) -> dict[str, Plain]:
        """The fields of a `parameter.changed`, for `record`: what it belongs to, and the value before.

        Raises NotFound, InvalidInput: `several-values` for a mapping, `unchanged` where this value is recorded already,
        `sealed-elsewhere` where the value before is a text that only another vault holds.
        """
        if isinstance(value, Mapping):
            raise InvalidInput(
                "a parameter has one value",
                code="several-values",
                hint=f"Change each by its dotted key, such as {path}.{next(iter(value), 'x')}.",
            )
        stream = f"version/{of.digest}" if isinstance(of, Version) else self._stream(of, ("version", "deployment"))
        with self.view() as view:
            old = parameters.find_value(view, stream, target, path)
        new = None if value is None else drafting.simplify(drafting.tell_value(value))
        kind, _, rest = stream.partition("/")
        environment, _, name = rest.partition("/")
        fields: dict[str, Plain] = {
            "of": {"version": rest} if kind == "version" else {"environment": environment, "name": name},
            "target": target,
            "path": path,
            "old": self._show(old, path),
            "new": new,
            "unit": unit,
            "ticket": ticket,
            "reason": reason,
        }
        _check_change(fields, f"{path} of {self.name_of(stream)}")
        return fields

    def _show(self, old: parameters.Value, path: str) -> Plain:
        """The value before, as the event names it: of a text that a run sealed, the digest is computed from the vault here."""
        if not isinstance(old, Sealed):
            return None if old is UNSET else old
        text = self._writer.vault.disclose(old)
        if text is None:
            raise InvalidInput(
                f"the run began with a sealed text as {path}, and the vault here does not hold it",
                code="sealed-elsewhere",
                hint="Record the change where the run was recorded, or copy that vault's line to the vault here.",
            )
        return SealedText(sealed=old.sealed, digest=drafting.digest_of(str(text)))


def _check_change(fields: dict[str, Plain], described: str) -> None:
    """Check that something changes: a retry is no second change. Raises InvalidInput (`unchanged`)."""
    old, new = fields["old"], fields["new"]
    if isinstance(old, SealedText):
        same = isinstance(new, str) and drafting.digest_of(new) == old.digest
    else:
        same = type(new) is type(old) and new == old
    if same:
        raise InvalidInput(
            f"{described} is not set" if new is None else f"{described} has this value already",
            code="unchanged",
            hint="Nothing was recorded. `muniment blame` tells who set a parameter.",
            details={"path": str(fields["path"]), "target": str(fields["target"])},
        )
