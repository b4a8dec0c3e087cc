"""Step 12: the bytes that an answer is about, and the sealed fields that it opens (docs/spec, section 10.5).

The caller hashes the files; here the result is compared with what was signed, and a difference is told by file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muniment.core.format import digest, manifest
from muniment.core.format.difference import sentence
from muniment.core.format.manifest import Manifest
from muniment.core.format.statement import check_disclosure
from muniment.core.proof.answer import UNSET, Absent, Answer
from muniment.core.proof.verify.statement import Signed
from muniment.core.proof.verify.verified import SealedField, Subject, Thing
from muniment.errors import VerificationError

STEP = 12


def check_subject(things: Sequence[Thing], answer: Answer, found: Manifest | None) -> Subject | Absent:
    """Compare re-hashed files, and the manifest in the answer, with the digests that the answer is about.

    Raises VerificationError (step 12): `manifest` where the manifest in the file is of something else, `subject` where the
    files are not the recorded ones. InvalidInput for a manifest that is none.
    """
    listed = {thing.digest: thing for thing in things}
    recorded = None if answer.manifest is UNSET else manifest.decode(answer.manifest.encode())
    if recorded is not None and manifest.root(recorded).hex() not in listed:
        raise VerificationError("the manifest in this file belongs to something else", step=STEP, code="manifest")
    if found is not None:
        root = manifest.root(found).hex()
        if root not in listed:
            raise _differs(root, things, recorded, found)
        return Subject(
            thing=listed[root],
            held="not-in-this-file" if recorded is None else "in-this-file",
            compared=True,
            difference=manifest.compare(recorded, found) if recorded is not None else UNSET,
        )
    if recorded is not None:
        return Subject(thing=listed[manifest.root(recorded).hex()], held="in-this-file", compared=False)
    return Subject(thing=things[0], held="not-in-this-file", compared=False) if things else UNSET


def open_fields(signed: Mapping[int, Signed], answer: Answer) -> dict[int, tuple[SealedField, ...]]:
    """The sealed fields of each statement, with the values that the answer opens.

    Raises VerificationError (step 12, `disclosure`) for an opening that is wrong, of nothing in the answer, or of another text than
    the one whose digest stands beside the commitment.
    """
    opened: dict[str, object] = {}
    for each in answer.disclosures:
        check_disclosure(*each.disclosure())
        opened[each.sealed] = each.value
    for statement in signed.values() if opened else ():
        _check_digests(statement, opened)
    fields = {
        index: tuple([SealedField(path=path, sealed=sealed, value=opened.get(sealed, UNSET)) for path, sealed in each.sealed()])
        for index, each in signed.items()
    }
    used = {field.sealed for group in fields.values() for field in group}
    if not opened.keys() <= used:
        raise VerificationError("this file opens a field that none of its entries has", step=STEP, code="disclosure")
    return fields


def _check_digests(signed: Signed, opened: Mapping[str, object]) -> None:
    for commitment, expected in signed.digests():
        value = opened.get(commitment, UNSET)
        if value is not UNSET and (not isinstance(value, str) or digest.sha256(value.encode()).hex() != expected):
            raise VerificationError(
                f"what this file opens in entry {signed.index} is not the text whose digest stands there",
                step=STEP,
                code="disclosure",
                hint="Who signed the entry named another text than the one that he sealed.",
                details={"entry": signed.index, "sealed": commitment, "digest": expected},
            )


def _differs(root: str, things: Sequence[Thing], recorded: Manifest | None, found: Manifest) -> VerificationError:
    if not things:
        return VerificationError(
            "nothing in this answer is about files", step=STEP, code="subject", hint="Verify it without a folder."
        )
    name = things[0].name
    if recorded is None:
        return VerificationError(
            f"these files are not {name}: they hash to {digest.short(root)}, recorded is {digest.short(things[0].digest)}",
            step=STEP,
            code="subject",
            hint="Ask for the manifest as well to see which file differs.",
            details={"found": root, "recorded": things[0].digest},
        )
    difference = manifest.compare(recorded, found)
    return VerificationError(
        f"these files are not {name} as it was recorded: {sentence(difference)}",
        step=STEP,
        code="subject",
        hint="Do not use these files as the recorded ones.",
        details={
            "found": root,
            "recorded": manifest.root(recorded).hex(),
            "changed": list(difference.changed),
            "added": list(difference.added),
            "removed": list(difference.removed),
        },
    )
