"""The verification script: its modules joined into one text that a page can load, or carry inside itself.

    join()                  # one classic script; `muniment` is its only global name
    join(module=True)       # the same with exports, for `import()`

The modules under explorer/verify are ES modules without dependencies. Joined, they share one scope: each module's own names are
unique, and imports say only in which order they come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from muniment.errors import InvariantError

ENTRANCE = "index.js"
GLOBAL = "muniment"

_import = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_export_from = re.compile(r'^export \{([^}]*)\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_declared = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (?:\[([^\]]*)\]|(\w+))", re.MULTILINE)
_indent = re.compile(r"^[ ]+|^\n", re.MULTILINE)
_comment = re.compile(r"^[ ]*(?:/\*\*.*?\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL)


def read_module(name: str) -> str:
    """The text of one module, as it stands in the package."""
    return files("muniment.server.explorer").joinpath("verify", name).read_text(encoding="utf-8")


@cache
def join(*, compact: bool = True, module: bool = False) -> str:
    """All modules as one script in strict mode, in the order of their imports; `muniment` has what index.js exports.

    compact: without comments and indentation; module: with the same names as exports
    """
    exported = [name.strip() for names, _ in _export_from.findall(read_module(ENTRANCE)) for name in names.split(",")]
    order = list_modules()
    _check_names(order)
    body = "\n".join(_strip(read_module(each)) for each in order)
    listed = ", ".join(exported)
    text = f'"use strict";\nconst {GLOBAL} = (() => {{\n{body}\nreturn Object.freeze({{ {listed} }});\n}})();\n'
    if compact:
        text = _indent.sub("", _comment.sub("", text))
    return f"{text}export const {{ {listed} }} = {GLOBAL};\n" if module else text


def list_modules() -> tuple[str, ...]:
    """Every module that the script is made of, in the order of their imports."""
    order: list[str] = []
    for _, module in _export_from.findall(read_module(ENTRANCE)):
        _visit(module, order, ())
    return tuple(order)


def _visit(module: str, order: list[str], below: tuple[str, ...]) -> None:
    if module in below:
        raise InvariantError(f"{' imports '.join((*below, module))}: modules that import one another cannot be joined")
    if module in order:
        return
    for each in _imports_of(read_module(module)):
        _visit(each, order, (*below, module))
    order.append(module)


def _imports_of(text: str) -> Iterator[str]:
    yield from _import.findall(text)


def _strip(text: str) -> str:
    """A module without its imports, its declarations no longer exported."""
    return re.sub(r"^export (?=async |function|class|const )", "", _import.sub("", text), flags=re.MULTILINE)


def _check_names(order: tuple[str, ...]) -> None:
    """In one scope each name means one thing."""
    owners: dict[str, str] = {}
    for module in order:
        for several, one in _declared.findall(read_module(module)):
            for name in [each.strip() for each in several.split(",")] if several else [one]:
                if owners.setdefault(name, module) != module:
                    raise InvariantError(f"{name} is declared in {owners[name]} and in {module}")
