"""What a person is told when a deployment has changed."""

from __future__ import annotations

from collections.abc import Mapping

from muniment.cli import output
from muniment.client.drafting import Plain
from muniment.client.ledger import Ledger
from muniment.client.things import Recorded

_CITED = ("approvals", "evaluations", "waivers")
_WORDS = {"rollback": "runs again", "scale": "was scaled", "stop": "was stopped"}


def changed(ledger: Ledger, fields: Mapping[str, Plain], done: Recorded, as_json: bool) -> None:
    """Say what serves now, in whose place, and on what grounds. `fields` are those of the event."""
    place, version, replaces = f"{fields['environment']}/{fields['name']}", str(fields["version"]), fields["replaces"]
    transition = str(fields["transition"])
    described = ledger.describe(version)
    cited = [_count(fields[kind], kind.removesuffix("s")) for kind in _CITED if kind != "waivers" or fields.get(kind)]
    details = [f"replaces {ledger.describe(str(replaces))}"] if replaces else []
    if transition not in ("scale", "stop"):
        details.append(f"cites {', '.join(cited[:-1])} and {cited[-1]}")
    if transition in ("scale", "stop"):
        title = f"{place} {_WORDS[transition]}: {described}"
    else:
        title = f"{place} {_WORDS.get(transition, 'now runs')}: {described}"
    value = {key: fields.get(key) for key in ("environment", "name", "version", "replaces", "transition", *_CITED)}
    output.recorded(done, as_json, title=title, details=details, value={**value, "recorded": done}, after=f"muniment at {place}")


def _count(cited: Plain, noun: str) -> str:
    number = len(cited) if isinstance(cited, list) else 0
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
