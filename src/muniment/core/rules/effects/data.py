"""Effects of data sets: registered once, made by one producer, withdrawn for good."""

import msgspec

from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import DatasetRegistered, DatasetTransformed, DatasetWithdrawn
from muniment.core.rules.records import Data, Dataset


@effect.register
def _registered(event: DatasetRegistered, context: Context) -> None:
    known = context.read(f"data/{event.data}", Data)
    if known is not None:
        context.repeat("data set", event.name, f"data/{event.data}", known.name, known.ordinal)
        if event.name == known.name:
            _compare_terms(event, known, context)
        return
    dataset = context.read(f"dataset/{event.name}", Dataset)
    ordinal = 1 if dataset is None else dataset.count + 1
    context.write(f"dataset/{event.name}", Dataset(count=ordinal, latest=event.data))
    context.write(
        f"data/{event.data}",
        Data(
            licence=event.licence,
            name=event.name,
            ordinal=ordinal,
            personal_data=event.personal_data,
            purposes=event.purposes,
        ),
    )


def _compare_terms(event: DatasetRegistered, known: Data, context: Context) -> None:
    """Whoever registers a data set first fixes its terms; who says otherwise is told so, and who says nothing agrees."""
    for what, said, recorded in (
        ("licence", event.licence, known.licence),
        ("purposes", event.purposes or msgspec.UNSET, known.purposes or msgspec.UNSET),
        ("personal data", event.personal_data, known.personal_data),
    ):
        if said is not msgspec.UNSET and said != recorded:
            context.refuse(
                "once",
                "A data set is registered once, with one set of terms.",
                f"{known.name}@{known.ordinal} is recorded with {what} {_tell(recorded)}, and the event says {_tell(said)}.",
                mend="Register it without terms to refer to what is recorded, or withdraw what was recorded wrongly.",
            )


def _tell(term: str | tuple[str, ...] | msgspec.UnsetType) -> str:
    if isinstance(term, tuple):
        return ", ".join(term[:3]) + (f" and {len(term) - 3} more" if len(term) > 3 else "")
    return "not stated" if term is msgspec.UNSET else term


@effect.register
def _transformed(event: DatasetTransformed, context: Context) -> None:
    for each in event.inputs:
        source = context.require_data(each)
        if source is not None:
            context.require_fresh(source, each)
    for each in event.outputs:
        output = context.require_data(each)
        if output is None:
            continue
        if output.made is not msgspec.UNSET:
            context.refuse(
                "once",
                "A data set has one producer.",
                f"Entry {output.made} already says how {output.name}@{output.ordinal} was made.",
            )
        context.write(f"data/{each}", msgspec.structs.replace(output, made=context.index))


@effect.register
def _withdrawn(event: DatasetWithdrawn, context: Context) -> None:
    data = context.require_data(event.data)
    if data is not None and data.withdrawn is msgspec.UNSET:
        context.write(f"data/{event.data}", msgspec.structs.replace(data, withdrawn=context.index))
