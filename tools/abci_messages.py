"""Writes the messages of ABCI: the definitions in src/muniment/node/abci/proto and the Python that protoc makes of them.

    python tools/abci_messages.py [SOURCE]

SOURCE is CometBFT's source, such as ~/go/pkg/mod/github.com/cometbft/cometbft@v0.38.25; without it the definitions that are
here stay. They are CometBFT's without what only its own Go generator reads (gogoproto), and under other names: protobuf knows
files and messages by name in the whole process, and another package may bring CometBFT's too. Names are not on the wire.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ROOM = "muniment/node/abci/proto"
FOLDER = REPOSITORY / "src" / ROOM
VERSION = "0.38.25"
SOURCES = {
    "abci/types": "types",
    "crypto/keys": "keys",
    "crypto/proof": "proof",
    "types/params": "params",
    "types/validator": "validator",
}
_HEAD = """// Of CometBFT {version}, proto/tendermint/{source}.proto, licensed under the Apache License, Version 2.0; see NOTICE.
// Changed by tools/abci_messages.py: without the options of gogoproto, in packages and files of another name.
"""
_ABOUT_GOGOPROTO = re.compile(r"^// (For more information on gogo.proto|https://github.com/cosmos/gogo|NOTE: When using).*\n", re.M)
_OPTION = re.compile(r'([\w.()]+) *= *("[^"]*"|\w+)')


def strip(source: str, text: str) -> str:
    """One definition as we keep it: `source` is its name in SOURCES, `text` what CometBFT has."""
    text = re.sub(r'^import "gogoproto/gogo\.proto";\n', "", text, flags=re.M)
    text = re.sub(r"^ *option (\(gogoproto\.\w+\)|go_package) *= .*;\n", "", text, flags=re.M)
    text = re.sub(r"\s*\[([^\]]*\(gogoproto\.[^\]]*)\]", _keep_options, text)
    text = re.sub(
        r"^// (For more information on gogo.proto|https://github.com/cosmos/gogoproto|NOTE: When using).*\n", "", text, flags=re.M
    )
    for name, ours in SOURCES.items():
        text = text.replace(f'import "tendermint/{name}.proto";', f'import "{ROOM}/{ours}.proto";')
    text = re.sub(r"^package tendermint\.", "package muniment.tendermint.", text, flags=re.M)
    return _HEAD.format(version=VERSION, source=source) + re.sub(r"\{\n{2,}", "{\n", re.sub(r"\n{3,}", "\n\n", text))


def _keep_options(match: re.Match[str]) -> str:
    """The options of a field that are not gogoproto's."""
    kept = [f"{name} = {value}" for name, value in _OPTION.findall(match[1]) if not name.startswith("(gogoproto.")]
    return f" [{', '.join(kept)}]" if kept else ""


def render() -> Mapping[str, str]:
    """The Python of the definitions that are here, by the name of the file."""
    from grpc_tools import protoc  # the one tool that needs it

    bundled = resources.files("grpc_tools") / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        code = protoc.main(
            [
                "protoc",
                f"-I{FOLDER.parents[len(Path(ROOM).parts) - 1]}",
                f"-I{bundled}",
                f"--python_out={folder}",
                f"--pyi_out={folder}",
                *[f"{ROOM}/{name}.proto" for name in SOURCES.values()],
            ]
        )
        if code:
            raise SystemExit(f"protoc ended with {code}")
        return {path.name: path.read_text(encoding="utf-8") for path in sorted((Path(folder) / ROOM).iterdir())}


def main(arguments: list[str]) -> None:
    """Write the definitions where a source is named, and the Python."""
    if arguments:
        source = Path(arguments[0])
        for name, ours in SOURCES.items():
            text = (source / "proto" / "tendermint" / f"{name}.proto").read_text(encoding="utf-8")
            (FOLDER / f"{ours}.proto").write_text(strip(name, text), encoding="utf-8")
        shutil.copyfile(source / "NOTICE", FOLDER / "NOTICE")
    for name, text in render().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
