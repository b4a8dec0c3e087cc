"""The joined verification script, and the page that carries it."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from muniment.errors import InvariantError
from muniment.server import scripts
from muniment.server.explorer import bundle_page

FOLDER = Path(scripts.__file__).parent / "explorer" / "verify"


def test_every_module_is_in_it() -> None:
    assert set(scripts.list_modules()) | {scripts.ENTRANCE} == {path.name for path in FOLDER.glob("*.js")}


def test_modules_come_after_what_they_import() -> None:
    order = scripts.list_modules()
    for at, module in enumerate(order):
        imported = re.findall(r'from "\./([a-z_]+\.js)"', scripts.read_module(module))
        assert set(imported) <= set(order[:at]), module


def test_nothing_but_imports_and_exports_is_lost() -> None:
    joined = scripts.join(compact=False)
    for module in scripts.list_modules():
        for line in scripts.read_module(module).splitlines():
            kept = line.removeprefix("export ")
            assert line.startswith("import {") or kept in joined, (module, line)


def test_the_joined_script_is_small_and_loads_nothing() -> None:
    text = scripts.join()
    assert len(text.encode()) < 190_000
    assert not re.search(r"\b(?:eval|fetch|XMLHttpRequest|innerHTML|window|localStorage|importScripts)\b", text)
    assert not re.search(r"^\s*(?:import|export)\b", text, re.MULTILINE)
    assert re.findall(r"^(?:import|export) .*", scripts.join(module=True), re.MULTILINE)[-1].endswith("= muniment;")


def test_a_name_means_one_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {
        "index.js": 'export { a, b } from "./a.js";\n',
        "a.js": 'import { c } from "./b.js";\nexport const a = c;\nconst b = 1;\n',
    }
    modules["b.js"] = "export const c = 2;\nconst b = 2;\n"
    monkeypatch.setattr(scripts, "read_module", modules.__getitem__)
    scripts.join.cache_clear()
    with pytest.raises(InvariantError, match="b is declared in"):
        scripts.join()
    modules["b.js"] = 'import { a } from "./a.js";\n'
    with pytest.raises(InvariantError, match="import one another"):
        scripts.list_modules()
    scripts.join.cache_clear()


def test_the_page_runs_nothing_but_its_own_script() -> None:
    page = bundle_page.write(b'{"a":"</script><!-- \xe2\x80\xa8"}\n', "a</title>&b")
    executed = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(executed) == 1
    digest = base64.b64encode(hashlib.sha256(executed[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert page.count("</script") == 2
    assert "<title>a&lt;/title&gt;&amp;b: records and their proof</title>" in page
    assert not re.search(r'(?:src|href)="', page)
