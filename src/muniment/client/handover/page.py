"""The page of a hand-off: one HTML file with nothing to fetch and nothing to run, made to be read and to be printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from muniment.client.handover.contents import Handover, Open, Recipe, Told
from muniment.core.format import digest

_STYLE = """
body { font: 16px/1.55 Georgia, "Times New Roman", serif; color: #222; background: #fff; max-width: 46rem; margin: 3rem auto;
  padding: 0 1.25rem }
h1 { font-size: 1.9rem; margin: 0 0 .25rem } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid #ccc }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .25rem } p { margin: .5rem 0 } .quiet { color: #666; font-size: .9rem }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .5rem 0 }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #e5e5e5 }
th { font-weight: normal; color: #666 } td { overflow-wrap: anywhere }
th, .name { white-space: nowrap } tr.head th { border-bottom: 1px solid #999 }
code, pre { font: .86em/1.45 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere }
pre { background: #f6f6f4; padding: .7rem .9rem; white-space: pre-wrap } .open { border-left: 3px solid #a33; padding-left: .9rem }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } pre { background: #242422 }
  .quiet, th { color: #aaa } th, td { border-color: #333 } h2 { border-color: #444 } .open { border-color: #c66 } }
@media print { body { margin: 0; max-width: none; font-size: 11pt; color: #000; background: #fff } pre { background: none;
  border: 1px solid #ccc } h2, h3 { break-after: avoid } tr, pre { break-inside: avoid } }
"""
_KINDS = {
    "hold": "On hold",
    "incident": "Incident",
    "offer": "Offer",
    "plan": "Plan",
    "rejection": "Rejected",
    "requirement": "Still asked for",
    "waiver": "Waived",
    "withdrawal": "Data withdrawn",
}


def write(found: Handover) -> str:
    """The whole page."""
    parts = [
        f"<h1>{escape(found.model)}</h1>",
        f'<p class="quiet">What is handed over with this model, as the ledger <code>{escape(found.origin)}</code> had it recorded '
        f"at block {found.height}, sealed {_when(found.sealed_at)} (the ledger's clock).</p>",
        *_tell_whole(found),
        "<h2>Where it runs</h2>",
        *_tell_places(found),
        "<h2>What is open</h2>",
        *_tell_open(found.open),
        "<h2>Versions</h2>",
        *_tell_versions(found),
        "<h2>What is known of each, and how to make it again</h2>",
        *(line for told in found.told for line in _tell_version(told, found.model)),
        "<h2>What proves it</h2>",
        *_tell_proof(found),
    ]
    head = f'<meta charset="utf-8"><title>{escape(found.model)}: hand-off</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body>\n</html>\n"


def _tell_whole(found: Handover) -> Iterable[str]:
    count = len(found.versions)
    newest = f"; the newest is {found.versions[-1].model}@{found.versions[-1].ordinal}" if found.versions else ""
    owner = f"<b>{escape(found.owner)}</b> owns it" if found.owner else "nobody owns it yet"
    offered = f", and it is offered to <b>{escape(found.offered_to)}</b>" if found.offered_to else ""
    yield f"<p>A model with {count} {'version' if count == 1 else 'versions'}{newest}. In the ledger {owner}{offered}.</p>"


def _tell_places(found: Handover) -> Iterable[str]:
    running = [row for row in found.deployments if row.status == "running"]
    stopped = [row for row in found.deployments if row.status != "running"]
    if running:
        yield from _table(
            ["deployment", "version", "since", "by"],
            [
                [
                    f"<b>{escape(row.environment)}/{escape(row.name)}</b>",
                    _name(f"{row.model}@{row.ordinal}"),
                    f"entry {row.since}" + (f", {_when(row.time)}" if row.since == row.index else ""),
                    escape(row.actor),
                ]
                for row in running
            ],
        )
    else:
        yield "<p>No deployment runs it.</p>"
    if stopped:
        places = ", ".join(f"{escape(row.environment)}/{escape(row.name)}" for row in stopped)
        yield f'<p class="quiet">Stopped: {places}.</p>'


def _tell_open(listed: Sequence[Open]) -> Iterable[str]:
    if not listed:
        yield "<p>Nothing: no hold, no rejection, no waiver, no offer, no plan that was not met.</p>"
        return
    yield '<div class="open">'
    rows = [[_name(_KINDS[each.kind]), _name(each.about), escape(each.sentence)] for each in listed]
    yield from _table(["what", "about", "in short"], rows)
    yield "</div>"


def _tell_versions(found: Handover) -> Iterable[str]:
    running = {row.version for row in found.deployments if row.status == "running"}
    rows = []
    for row in reversed(found.versions):
        state = f"retired in entry {row.retired}" if row.retired is not None else "runs" if row.digest in running else ""
        registered = f"{_when(row.time)}, by {escape(row.actor)}, entry {row.index}"
        rows.append([_name(f"{row.model}@{row.ordinal}"), f"<code>{row.digest}</code>", registered, state])
    yield from _table(["version", "digest of its files", "registered", "now"], rows)


def _tell_version(told: Told, model: str) -> Iterable[str]:
    shown, recipe = told.shown, told.recipe
    yield f"<h3>{escape(told.title)}</h3>"
    made = {} if shown.made is None else shown.made.fields
    facts = [(name, str(made[key])) for key, name in _FACTS if key in made]
    if shown.held is not None:
        files, size = shown.held.files, shown.held.bytes
        facts.append(("files", f"{files} {'file' if files == 1 else 'files'}, {size:,} {'byte' if size == 1 else 'bytes'}"))
    facts += list(_tell_recipe(recipe))
    for measured in shown.evaluations:
        row = measured.evaluation
        plan = {True: "its plan was met", False: "its plan was NOT met", None: "measured without a plan"}[row.passed]
        results = ", ".join(f"{metric} {value}" for metric, value in measured.results.items()) or "by slices"
        facts.append(("measured", f"{results}: {plan}; by {row.actor}, entry {row.index}"))
    for each in shown.approvals:
        revoked = "" if each.revoked is None else f", taken back in entry {each.revoked}"
        facts.append(("decided", f"{each.decision} for {each.environment} by {each.actor}, entry {each.index}{revoked}"))
    facts += list(told.prose)
    yield "<table>" + "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in facts) + "</table>"
    yield f"<pre>{escape(_command(recipe, told, model))}</pre>"


_FACTS = (
    ("derivation", "came to be"),
    ("grade", "evidence"),
    ("architecture", "architecture"),
    ("parameterCount", "parameters in all"),
    ("precision", "precision"),
    ("format", "format"),
    ("licence", "licence"),
)


def _tell_recipe(recipe: Recipe) -> Iterable[tuple[str, str]]:
    if recipe.run:
        yield "training run", f"{recipe.run}, {recipe.status}"
        dirty = ", with changes that were not committed: they are not in the commit" if recipe.dirty else ""
        yield "code", f"commit {recipe.commit}{dirty}" if recipe.commit else "its commit was not recorded"
        held = f"in {recipe.environment_file}" if recipe.environment_file else "not held here"
        yield "environment", f"{recipe.environment} ({held})" if recipe.environment else "not recorded"
    else:
        yield "training run", "none is recorded: this version was registered without one"
    if recipe.container:
        yield "container image", recipe.container
    if recipe.hardware:
        yield "hardware", recipe.hardware
    if recipe.seed:
        yield "seed", recipe.seed
    if recipe.parameters:
        yield "hyperparameters", ", ".join(f"{key} = {value or '(sealed)'}" for key, value in recipe.parameters)
    for each in recipe.inputs:
        licence = f", {each.licence}" if each.licence else ", no licence stated"
        yield f"{each.role} data", f"{each.title}, {each.digest}{licence}{', WITHDRAWN' if each.withdrawn else ''}"
    if recipe.bases:
        yield "made of", ", ".join(recipe.bases)


def _command(recipe: Recipe, told: Told, model: str) -> str:
    """The commands that make it again, and the one that compares."""
    lines = [f"git checkout {recipe.commit}"] if recipe.commit else []
    if recipe.run:
        words = [f"muniment train {model}"]
        words += [f"--input {each.role}={each.title}" for each in recipe.inputs]
        words += [f"--base {each}" for each in recipe.bases]
        words += [f"--param {key}={value or '...'}" for key, value in recipe.parameters]
        words += [f"--seed {recipe.seed}"] if recipe.seed else []
        lines.append(" \\\n    ".join([*words, f"--output OUT -- {_program(recipe.entry_point)}"]))
    lines.append(f"muniment verify OUT        # the same files have the digest {digest.short(told.digest)}")
    return "\n".join(lines)


def _program(entry_point: str) -> str:
    return f"python {entry_point}" if entry_point.endswith(".py") else entry_point or "COMMAND"


def _tell_proof(found: Handover) -> Iterable[str]:
    yield (
        "<p>This page is told from the ledger and proves nothing by itself. <code>bundle.json</code> beside it carries the signed "
        "events, their proofs and the signatures of the log; whoever has the ledger's trust file verifies it, offline:</p>"
    )
    yield "<pre>muniment verify bundle.json --trust trust.toml</pre>"
    yield (
        f'<p class="quiet">Ledger <code>{found.ledger}</code>, {found.size} entries. Take the trust file from whoever runs it, and '
        "not from whoever hands you this. Times are those of the ledger's clock.</p>"
    )
    if found.files:
        files = ", ".join(f"<code>{escape(each)}</code>" for each in found.files)
        yield f'<p class="quiet">Files of this package: {files}.</p>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """A table of cells that are escaped already."""
    yield "<table><tr class=head>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</table>"


def _name(text: str) -> str:
    """A cell that stays on one line."""
    return f'<span class="name">{escape(text)}</span>'


def _when(time: str) -> str:
    return f"{time[:10]} {time[11:19]} UTC"
