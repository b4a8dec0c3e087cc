"""The house itself (ARCHITECTURE.md): its floors, its sizes, its words, and a core that touches nothing."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import muniment
from cases import FOLDER

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SOURCE = REPOSITORY / "src" / "muniment"
# Without __main__, which is the command itself, and what protoc wrote.
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.stem != "__main__" and not path.stem.endswith("_pb2"))
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
# Names that click and keyring give to methods of theirs.
BORROWED_NAMES = {"get_command", "get_password"}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def place(path: Path, line: int = 1) -> str:
    return f"{path.relative_to(REPOSITORY)}:{line}"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def load(path: Path) -> ModuleType:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), **environment}
    return subprocess.run(command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, timeout=600, check=False)


def test_the_floors_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    assert linter.exists(), "import-linter belongs to the test environment: `make test` installs it"
    done = run(str(linter), "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_core_opens_no_file_and_no_socket() -> None:
    done = run(sys.executable, str(Path(__file__).with_name("watching.py")), str(FOLDER))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["seen"] == []
    assert found["modules"] > 60
    # What a call imports, its first caller pays for; and an import is the one thing that may open a file.
    assert found["late"] == []


def test_the_watch_would_notice() -> None:
    script = Path(__file__).with_name("watching.py").read_text(encoding="utf-8")
    broken = script.replace("    blocks = vectors[", "    open('/dev/null').close()\n    blocks = vectors[", 1)
    done = run(sys.executable, "-c", broken, str(FOLDER))
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["seen"]) == 1


def test_importing_is_free() -> None:
    script = "import sys, muniment; print([name for name in sys.modules if name.startswith('muniment.')])"
    assert run(sys.executable, "-c", script).stdout.strip() == "[]"


def test_the_promised_names_are_there_and_sorted() -> None:
    assert list(muniment.__all__) == sorted(set(muniment.__all__))
    assert dir(muniment) == muniment.__all__
    for name in muniment.__all__:
        assert getattr(muniment, name) is not None
    with pytest.raises(AttributeError):
        muniment.nothing_of_that_name  # noqa: B018


def test_every_list_of_names_is_sorted() -> None:
    wrong = []
    for path in MODULES:
        names = getattr(load(path), "__all__", [])
        # Constants, then classes, then functions, as the linter sorts them.
        kinds = [(not name.isupper(), not name[:1].isupper(), name) for name in names]
        if list(names) != sorted(set(names)) and kinds != sorted(set(kinds)):
            wrong.append(place(path))
    assert wrong == []


def test_every_module_says_what_it_is() -> None:
    assert [place(path) for path in MODULES if not ast.get_docstring(parse(path)) and path.stat().st_size] == []


def test_every_public_function_and_class_says_what_it_is() -> None:
    silent = []
    for path in MODULES:
        module = load(path)
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", "") != module.__name__:
                continue
            if inspect.isclass(thing) or inspect.isfunction(thing):
                if not _own_doc(thing):
                    silent.append(f"{module.__name__}.{name}")
                silent += [f"{module.__name__}.{name}.{method}" for method in _silent_methods(thing)]
    assert silent == []


def _own_doc(thing: object) -> str:
    """What a class or function says itself: not what its base says, nor what a library writes in its place."""
    found = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    return found or ""


def _silent_methods(thing: object) -> Iterator[str]:
    """The public methods and properties of a class that say nothing, not even through what they override."""
    if not inspect.isclass(thing):
        return
    for name, value in vars(thing).items():
        method = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if name.startswith("_") or not (inspect.isfunction(method) or isinstance(method, property)):
            continue
        if not inspect.getdoc(getattr(thing, name)) and not inspect.getdoc(method):
            yield name


def test_no_module_is_too_long() -> None:
    lengths = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {where: lines for where, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{place(path, node.lineno)} {node.name}": node.end_lineno - node.lineno + 1
        for path in MODULES
        for node in functions(path)
        if node.end_lineno is not None and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    }
    assert long == {}


def test_names_are_the_house_s() -> None:
    assert [place(path) for path in MODULES if path.stem in FORBIDDEN_NAMES] == []
    getters = [(path, node) for path in MODULES for node in functions(path) if node.name.startswith("get_")]
    assert [f"{place(path, node.lineno)} {node.name}" for path, node in getters if node.name not in BORROWED_NAMES] == []


def test_no_word_is_left_for_later() -> None:
    marks = ("TODO", "FIXME", "XXX", "TYPE_CHECKING")
    texts = {path: path.read_text(encoding="utf-8") for path in MODULES}
    assert [f"{place(path)} {mark}" for path, text in texts.items() for mark in marks if mark in text] == []


def test_the_core_knows_no_any() -> None:
    core = [path for path in MODULES if (SOURCE / "core") in path.parents]
    names = {path: {node.id for node in ast.walk(parse(path)) if isinstance(node, ast.Name)} for path in core}
    assert [place(path) for path, used in names.items() if "Any" in used] == []


def test_every_module_of_the_core_can_be_walked() -> None:
    core = importlib.import_module("muniment.core")
    walked = {found.name for found in pkgutil.walk_packages(core.__path__, "muniment.core.")}
    files = {".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__") for path in MODULES}
    assert walked | {"muniment.core"} == {name for name in files if name.startswith("muniment.core")}
