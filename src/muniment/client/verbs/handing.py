"""Ownership: a model offered by its owner, accepted by the receiver, and the package that goes with it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from muniment.client import bundling, capturing
from muniment.client.capturing import PathLike
from muniment.client.governing import Policies
from muniment.client.handover.contents import Handover, Package
from muniment.client.proving import Openings
from muniment.client.things import Recorded
from muniment.client.verbs.releasing import Releasing
from muniment.core.format import dsse
from muniment.core.rules import events, records
from muniment.errors import InvalidInput, NotFound, VerificationError


class Handing(Releasing):
    """Verbs of those who answer for a model; what its releases still lack is part of what they hand over."""

    def offer(self, model: str, *, to: str, package: PathLike | None = None, reason: str | None = None) -> Recorded:
        """Offer one's model to another actor, who owns it once he accepts; an open offer before it counts no more.

        `package` is what `hand_off` wrote: its digest goes into the record, so that the receiver knows that he got this one.
        """
        owner = self._model(model).owner
        digest = None if package is None else self._writer.capture(package).digest
        return self.record(
            "ownership.offered",
            {
                "model": model,
                "from": owner if isinstance(owner, str) else self.actor,
                "to": to,
                "packageDigest": digest,
                "reason": reason,
            },
        )

    def accept(self, model: str, *, package: PathLike | None = None, reason: str | None = None) -> Recorded:
        """Accept the open offer of a model, as its receiver, and own it from now on.

        `package` is what came with it. Raises NotFound (`no-offer`), VerificationError (`other-package`) for other files.
        """
        offer = self._model(model).offer
        if not isinstance(offer, str):
            raise NotFound(
                f"{model} is not offered to anybody",
                code="no-offer",
                hint=f"Its owner offers it: `muniment hand-off offer {model} --to ACTOR`.",
            )
        if package is not None:
            self._check_package(model, offer, package)
        return self.record("ownership.accepted", {"model": model, "offer": offer, "reason": reason})

    def hand_off(self, model: str, out: PathLike, *, disclose: Openings = False) -> Package:
        """Write the package that goes with a model to a new folder: a bundle, and one page that a person reads.

        The page says what the model is, where it runs, how to make it again and what is open. `disclose` is as for `bundle`, and
        for the page alike. Raises NotFound, InvalidInput (`not-empty`, `too-many-events`), LedgerError (`not-written`).
        """
        # Here, because only a hand-off needs what writes a page.
        from muniment.client.handover import gathering, pending, writing

        found = gathering.gather(self, self._writer, model, self._model(model), disclose)
        found = msgspec.structs.replace(found, open=(*found.open, *pending.find_pending(Policies(self._writer, self), found)))
        files = writing.compose(found, self._bundle_of(found, disclose), self._writer.blobs)
        folder = Path(out)
        writing.write(folder, files)
        return Package(
            model=model, folder=folder, digest=capturing.read(folder).digest, files=tuple(sorted(files)), open=found.open
        )

    def _bundle_of(self, found: Handover, disclose: Openings) -> bytes:
        """The model's whole history and those of the versions that the page tells, with where they run."""
        index = self.index
        strands = [
            bundling.Strand(stream=stream, indices=tuple(index.stream_indices(stream)))
            for stream in (f"model/{found.model}", *[f"version/{each.digest}" for each in found.told])
        ]
        contents = bundling.Contents(
            stream=strands[0].stream,
            indices=strands[0].indices,
            further=tuple(strands[1:]),
            states=tuple(f"deployment/{row.environment}/{row.name}" for row in found.deployments),
        )
        with self._writer.contact() as (view, contact):
            return bundling.bundle(self._writer, view, contact.pin, contents, disclose).raw

    def _model(self, name: str) -> records.Model:
        state = self.state(f"model/{name}", records.Model)
        if state is None:
            # Says what was perhaps meant.
            self.resolve(name, ["model"])
            raise NotFound(f"there is no model {name!r}", code="no-such-thing")
        return state

    def _check_package(self, model: str, offer: str, package: PathLike) -> None:
        with self.view() as view:
            index = view.find(offer)
            event = None if index is None else events.decode(dsse.decode(view.entry(index)).payload)
        offered = event.package_digest if isinstance(event, events.OwnershipOffered) else msgspec.UNSET
        if not isinstance(offered, str):
            raise InvalidInput(f"the offer of {model} names no package", code="no-package", hint="Accept it without --package.")
        found = self._writer.capture(package).digest
        if found != offered:
            raise VerificationError(
                f"{package} is not the package that was offered with {model}",
                step=12,
                code="other-package",
                hint="Ask for the package again, or for a new offer; a single changed file is enough.",
                details={"offered": offered, "found": found},
            )
