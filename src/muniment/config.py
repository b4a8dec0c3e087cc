"""Where things are and who acts: one frozen Config, resolved once at the edge from five layers.

    config = resolve(os.environ, Path.cwd(), {"actor": "alice"})
    config.home, config.actor                   # the values that hold
    config.explain("actor").layer               # "flag", and what every other layer said

From the strongest to the weakest: flags; `MUNIMENT_*`; the project's file, which is the nearest `muniment.toml`, or
`pyproject.toml` with a table `[tool.muniment]`, at or above the working directory; the user's file
`$XDG_CONFIG_HOME/muniment/config.toml`; defaults. A relative path counts from the folder of the file that says it, and from
the working directory elsewhere.

`home` and `url` both say where the ledger is, so the stronger one of the two holds: `--home` beats `MUNIMENT_URL`. Where one layer
says both, the ledger is at `url`, and `home` is the folder of what belongs to this client: keys, prose, what waits to be sent.
Where only `url` is said, that folder lies under `state`, one for each node. `url` may name several nodes of one ledger, with spaces
or commas between them: the folder is then that of the first one that has one, else of the first. A token is a secret: no
project's file may say it.
The key `gate.max_age` is `max_age` in the table `[gate]` of a file, and `MUNIMENT_GATE_MAX_AGE`.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import pwd
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

import msgspec

from muniment.errors import InvalidInput

Layer = Literal["flag", "environment", "project", "user", "default"]
Output = Literal["text", "json"]
Setting = str | bool | Path

KEYS = ("home", "url", "token", "ca", "actor", "trust", "state", "output", "no_input", "gate.max_age")
FOLDER = ".muniment"
MAX_FILE_BYTES = 1 << 20

_PATHS = frozenset({"ca", "home", "trust", "state"})
_NODES = "nodes"
_OUTPUTS = ("text", "json")
_GATE_MAX_AGE = "gate.max_age"
_between_urls = re.compile(r"[ \t\r\n,]+")
_not_a_name = re.compile(r"[^A-Za-z0-9._-]+")
_length = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_SECONDS = MappingProxyType({"s": 1, "m": 60, "h": 3_600, "d": 86_400})
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})


class Saying(msgspec.Struct, frozen=True):
    """What one layer says about a key: the place that says it, and the value; None where it is silent."""

    layer: Layer
    place: str
    value: Setting | None


class Explanation(msgspec.Struct, frozen=True):
    """Why a key has its value: the layer that won, and what each said, the strongest first.

    `layer` is None, and so is the value, where no layer spoke, and for `url` where a stronger layer says `home`; it is None for
    a `home` that follows from `url`.
    """

    key: str
    value: Setting | None
    layer: Layer | None
    said: tuple[Saying, ...]


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What holds. Paths are absolute.

    `home` is the ledger's folder; where `url` says that the ledger is at a node, it holds only what belongs to this client.
    `url` holds the addresses of all nodes, with a space between two of them.
    `token` is what a node is shown (hidden wherever settings are printed), `ca` a file with the authorities whose certificates are
    believed instead of the system's. `actor` is who acts; `trust` the trust file; `state` the folder of what a client remembers,
    such as pins; `no_input` forbids questions to the terminal;
    `gate_max_age` how old, in seconds, the answer may be by which `muniment gate` lets something start without the ledger.
    """

    home: Path
    url: str | None
    token: str | None
    ca: Path | None
    actor: str | None
    trust: Path | None
    state: Path
    output: Output
    no_input: bool
    gate_max_age: int
    explanations: tuple[Explanation, ...]

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the nodes, one by one; none for a folder."""
        return () if self.url is None else tuple(self.url.split())

    def explain(self, key: str) -> Explanation:
        """Which layer won and what each one said. Raises InvalidInput (`unknown-key`)."""
        for explanation in self.explanations:
            if explanation.key == key:
                return explanation
        raise _unknown(key, "the configuration")


class _Source(msgspec.Struct, frozen=True):
    """One layer as it was found: the place, the folder that relative paths count from, and what it says."""

    layer: Layer
    place: str
    folder: Path
    said: Mapping[str, object]


def resolve(environment: Mapping[str, str], cwd: Path, flags: Mapping[str, object]) -> Config:
    """Read the files, weigh the layers and check every value. A flag that is None was not given.

    Raises InvalidInput, which names file and key: `unknown-key`, `bad-value`, `bad-config`, `secret-in-project`.
    """
    cwd = Path(os.path.abspath(cwd))
    user = _user_folder(environment, "XDG_CONFIG_HOME", ".config") / "muniment" / "config.toml"
    sources = (
        _flags(flags, cwd),
        _Source("environment", "", cwd, {key: environment[_variable(key)] for key in KEYS if environment.get(_variable(key))}),
        _find_project(cwd) or _Source("project", "", cwd, {}),
        _load(user, "user", ()) or _Source("user", str(user), cwd, {}),
        _Source("default", "", cwd, _defaults(environment, cwd)),
    )
    explanations = _choose_ledger({key: _weigh(key, sources, environment) for key in KEYS})
    value = {key: explanation.value for key, explanation in explanations.items()}
    # Every value has the type of its field: `_check` saw to it.
    return Config(
        home=cast(Path, value["home"]),
        url=cast(str | None, value["url"]),
        token=cast(str | None, value["token"]),
        ca=cast(Path | None, value["ca"]),
        actor=cast(str | None, value["actor"]),
        trust=cast(Path | None, value["trust"]),
        state=cast(Path, value["state"]),
        output=cast(Output, value["output"]),
        no_input=cast(bool, value["no_input"]),
        gate_max_age=_count_seconds(cast(str, value[_GATE_MAX_AGE])),
        explanations=tuple(explanations.values()),
    )


def _weigh(key: str, sources: tuple[_Source, ...], environment: Mapping[str, str]) -> Explanation:
    said = tuple(_say(key, source, environment) for source in sources)
    winner = next((saying for saying in said if saying.value is not None), None)
    return Explanation(key, winner.value if winner else None, winner.layer if winner else None, said)


def _say(key: str, source: _Source, environment: Mapping[str, str]) -> Saying:
    place = (
        _variable(key)
        if source.layer == "environment"
        else f"--{key.rpartition('.')[2].replace('_', '-')}"
        if source.layer == "flag"
        else source.place
    )
    if key not in source.said:
        return Saying(source.layer, place, None)
    value = source.said[key]
    if value is not None:
        value = _check(key, value, place, textual=source.layer == "environment")
    if key in _PATHS and value is not None:
        value = Path(os.path.abspath(source.folder / _expand(str(value), environment)))
    return Saying(source.layer, place, value)


def _check(key: str, value: object, place: str, *, textual: bool) -> str | bool:
    """The value in its type. Environment variables know only text."""
    if key == "no_input":
        if textual and isinstance(value, str) and value.lower() in _YES | _NO:
            return value.lower() in _YES
        if isinstance(value, bool):
            return value
        raise _bad(key, value, place, "true or false")
    if isinstance(value, Path) and key in _PATHS:
        value = str(value)
    if not isinstance(value, str) or not value or "\0" in value:
        raise _bad(key, value, place, "text")
    if key == "output" and value not in _OUTPUTS:
        raise _bad(key, value, place, " or ".join(_OUTPUTS))
    if key == _GATE_MAX_AGE and _length.fullmatch(value) is None:
        raise _bad(key, value, place, "a length of time, such as 90s, 15m, 24h or 7d")
    if key == "url":
        urls = [each for each in _between_urls.split(value) if each]
        if not urls or not urls[0].startswith(("http://", "https://")):
            raise _bad(key, value, place, "the address of a node, such as https://ledger.example.org")
        return " ".join(dict.fromkeys(urls))
    return value


def _choose_ledger(explanations: dict[str, Explanation]) -> dict[str, Explanation]:
    """`home` and `url` both say where the ledger is: a `url` that a stronger layer overrules with `home` does not hold."""
    home, url = explanations["home"], explanations["url"]
    if url.layer is None or home.layer == url.layer:
        return explanations
    layers = [saying.layer for saying in home.said]
    if home.layer is not None and layers.index(home.layer) < layers.index(url.layer):
        return explanations | {"url": msgspec.structs.replace(url, value=None, layer=None)}
    nodes = cast(Path, explanations["state"].value) / _NODES
    folders = [nodes / _name_node(each) for each in str(url.value).split()]
    # Who names another node besides, or first, keeps his keys and what he saw of the ledger.
    folder = next((each for each in folders if each.is_dir()), folders[0])
    return explanations | {"home": msgspec.structs.replace(home, value=folder, layer=None)}


def _name_node(url: str) -> str:
    """The folder's name for what belongs to a client of a node: what people recognise, and what tells two nodes apart."""
    plain = url.rstrip("/")
    return f"{_not_a_name.sub('-', plain.partition('://')[2])[:64]}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"


def _flags(flags: Mapping[str, object], cwd: Path) -> _Source:
    for key in flags:
        if key not in KEYS:
            raise _unknown(key, "the flags")
    return _Source("flag", "", cwd, flags)


def _defaults(environment: Mapping[str, str], cwd: Path) -> dict[str, object]:
    home = next((folder / FOLDER for folder in (cwd, *cwd.parents) if (folder / FOLDER).is_dir()), cwd / FOLDER)
    state = _user_folder(environment, "XDG_STATE_HOME", ".local/state") / "muniment"
    return {"home": home, "state": state, "output": "text", "no_input": False, _GATE_MAX_AGE: "7d"}


def _user_folder(environment: Mapping[str, str], variable: str, default: str) -> Path:
    """A folder of the XDG Base Directory Specification, which says that relative ones are ignored."""
    named = environment.get(variable, "")
    return Path(named) if os.path.isabs(named) else _user_home(environment) / default


def _user_home(environment: Mapping[str, str]) -> Path:
    home = environment.get("HOME", "")
    if not os.path.isabs(home):
        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            raise InvalidInput(
                "this user has no home folder", code="no-home-folder", hint="Set HOME to an absolute path."
            ) from None
    return Path(home)


def _expand(path: str, environment: Mapping[str, str]) -> Path:
    """`~` as a shell reads it: variables and files do not go through one."""
    if path == "~" or path.startswith("~/"):
        return _user_home(environment) / path[2:]
    return Path(path)


def _find_project(cwd: Path) -> _Source | None:
    """The nearest project file; in one folder `muniment.toml` goes before `pyproject.toml`."""
    for folder in (cwd, *cwd.parents):
        found = _load(folder / "muniment.toml", "project", ()) or _load(folder / "pyproject.toml", "project", ("tool", "muniment"))
        if found is not None:
            return found
    return None


def _load(path: Path, layer: Layer, table: tuple[str, ...]) -> _Source | None:
    """The settings in a file, in this table of it; None where there is no such file or table."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _broken(path, error.strerror or "unreadable") from None
    # Most Python projects have a pyproject.toml that does not speak of us: that takes no parser.
    if table and table[-1].encode() not in raw:
        return None
    if len(raw) > MAX_FILE_BYTES:
        raise _broken(path, f"more than {MAX_FILE_BYTES} bytes")
    # Read where it is needed only: most commands find no file, and every one of them starts here.
    import tomllib

    try:
        said: object = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise _broken(path, str(error)) from None
    for name in table:
        said = said.get(name) if isinstance(said, dict) else None
        if said is None:
            return None
    if not isinstance(said, dict):
        raise _broken(path, f"{'.'.join(table)} is no table")
    place = f"{path} [{'.'.join(table)}]" if table else str(path)
    said = _flatten(said)
    for key in said:
        if key not in KEYS:
            raise _unknown(key, place)
    if layer == "project" and "token" in said:
        raise InvalidInput(
            f"{place} says a token, and a project's file is read by many",
            code="secret-in-project",
            hint="Set MUNIMENT_TOKEN, or write it into your own file ~/.config/muniment/config.toml; have this token revoked.",
            details={"file": place, "key": "token"},
        )
    return _Source(layer, place, path.parent, said)


def _flatten(said: Mapping[str, object]) -> dict[str, object]:
    """The settings of a file with those of its tables under dotted keys; a table that nobody knows stays one key."""
    tables = {key.partition(".")[0] for key in KEYS if "." in key}
    flat: dict[str, object] = {}
    for key, value in said.items():
        if key in tables and isinstance(value, dict):
            flat.update({f"{key}.{name}": item for name, item in value.items()})
        else:
            flat[key] = value
    return flat


def _count_seconds(length: str) -> int:
    match = _length.fullmatch(length)
    return int(match[1]) * _SECONDS[match[2]] if match else 0


def _variable(key: str) -> str:
    return f"MUNIMENT_{key.upper().replace('.', '_')}"


def _unknown(key: str, place: str) -> InvalidInput:
    near = difflib.get_close_matches(key.replace("-", "_").lower(), KEYS, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"The keys are {', '.join(KEYS)}."
    return InvalidInput(f"{place} has no key {key!r}", code="unknown-key", hint=hint, details={"file": place, "key": key})


def _bad(key: str, value: object, place: str, wanted: str) -> InvalidInput:
    return InvalidInput(
        f"{place}: {key} is {str(value)[:80]!r}, and should be {wanted}",
        code="bad-value",
        hint=f"Set {key} to {wanted}.",
        details={"file": place, "key": key},
    )


def _broken(path: Path, reason: str) -> InvalidInput:
    return InvalidInput(
        f"{path} cannot be read: {reason}",
        code="bad-config",
        hint="Correct the file, or move it away.",
        details={"file": str(path)},
    )
