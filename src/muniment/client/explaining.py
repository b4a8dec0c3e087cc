"""What is wrong with the fields of an event, in the words of the person who filled them in.

`events.build` names a pattern and a place; whoever typed `--licence "MIT or so"` is told what the field is called, what stood
there and what may stand there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType

from muniment.core.format.encoding import Value
from muniment.core.rules.events import Event, schema
from muniment.errors import InvalidInput

_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "identifier": "Use letters, digits, dots, dashes and underscores, in parts joined by slashes; at most 128 characters.",
        "segment": "Use letters, digits, dots, dashes and underscores; at most 128 characters.",
        "digest": "Write 64 lower-case hex digits.",
        "decimal": 'Write it like "0.913" or "1e-07".',
        "time": "Write it like 2026-03-04T12:00:00.000000Z.",
        "event id": "Use the eventId of a recorded event; `muniment log --json` shows them.",
    }
)
# What stands in a field, for those who do not know what the specification calls it.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "decimal": "a number",
        "decimal, identifier or digest": "a number or a name",
        "digest": "a digest",
        "event id": "the id of an event",
        "identifier": "a name",
        "integer": "a whole number",
        "natural number": "a whole number from 0 on",
        "sealed": "text",
        "sealed text": "text",
        "segment": "a name without slashes",
        "stream": "the whole name of a thing",
        "time": "a time",
    }
)
_MAX_SHOWN_CHARACTERS = 64

_unknown = re.compile(r"Object contains unknown field `([^`]*)`(?: - at `\$\.?([^`]*)`)?")
_missing = re.compile(r"Object missing required field `([^`]*)`(?: - at `\$\.?([^`]*)`)?")
_misfit = re.compile(r" - at `\$\.([^`]+)`\Z")
_element = re.compile(r"\[[^\]]*\]")


def explain(type_: type[Event], fields: Mapping[str, Value], error: InvalidInput) -> InvalidInput:
    """The same error in plain words; itself where it says nothing about a field."""
    if error.code != "schema":
        return error
    text = str(error)
    if match := _unknown.search(text):
        return _explain_unknown(type_, match[1], match[2])
    if match := _missing.search(text):
        inside = f" in {match[2]}" if match[2] else ""
        return _invalid(f"{type_.NAME} needs the field {match[1]!r}{inside}", match[1], _documented(type_))
    if match := _misfit.search(text):
        return _explain_misfit(type_, fields, match[1])
    return error


def _explain_unknown(type_: type[Event], field: str, inside: str | None) -> InvalidInput:
    if inside:
        return _invalid(f"{inside} has no field {field!r}", field, _documented(type_))
    known = [each.encode_name for each in schema.fields_of(type_)]
    near = difflib.get_close_matches(field, known, n=1)
    return _invalid(
        f"{type_.NAME} has no field {field!r}", field, f"Did you mean {near[0]}?" if near else f"Its fields are {', '.join(known)}."
    )


def _explain_misfit(type_: type[Event], fields: Mapping[str, Value], place: str) -> InvalidInput:
    path = _element.sub("[]", place)
    forms = list(dict.fromkeys(leaf.form for leaf in schema.leaves(type_) if leaf.path == path))
    if not forms:
        several = any(leaf.path.startswith(f"{path}[]") for leaf in schema.leaves(type_))
        wanted = "a list of values" if several else "an object with fields"
        return _invalid(f"{place} takes {wanted}", place, _documented(type_))
    hint = next((_HINTS[form] for form in forms if form in _HINTS), _documented(type_))
    words = [f"one of {form.replace('`', '')}" if form.startswith("`") else _WORDS.get(form, f"a {form}") for form in forms]
    return _invalid(f"{place} cannot be {_show(fields, place)}; it takes {' or '.join(words)}", place, hint)


def _show(fields: Mapping[str, Value], place: str) -> str:
    """What stands at a place, shortened."""
    found: object = fields
    for step in re.findall(r"[^.\[\]]+", place):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return "what it is"
    text = repr(found)
    return text if len(text) <= _MAX_SHOWN_CHARACTERS else f"{text[:_MAX_SHOWN_CHARACTERS]}…"


def _documented(type_: type[Event]) -> str:
    return f"docs/events.md describes every field of {type_.NAME}."


def _invalid(message: str, field: str, hint: str) -> InvalidInput:
    return InvalidInput(message, code="schema", hint=hint, details={"field": field})
