"""One node judges by another rule than the others: it alone is named, by all, and a repair brings it back."""

from __future__ import annotations

import time
from pathlib import Path

import consortium
import deviating


def test_x(tmp_path: Path) -> None:
    them = consortium.found(tmp_path)
    try:
        for each in (them.bank, them.lab, them.source):
            each.start()
        them.watch.start(environment=deviating.environment(tmp_path, deviating.REFUSES))
        for each in them:
            each.wait()
        them.bank.submit(them.system("bank", "even"))
        them.agree()
        began = time.monotonic()
        print(them.bank.submit(them.system("bank", "odd")))
        seen = {}
        while time.monotonic() < began + 22:
            for each in them:
                try:
                    got = [(a["code"], a["organisation"], a["text"]) for a in each.standing()["alarms"]]
                except Exception as e:
                    got = [repr(e)[:100]]
                if seen.get(each.organisation) != got:
                    seen[each.organisation] = got
                    print(f"{time.monotonic() - began:.2f}", each.organisation, got, flush=True)
            time.sleep(0.2)
        import subprocess
        subprocess.run("grep -v \"request\" watch.log | cut -c1-400; find . -path '*evidence*'", shell=True, cwd=tmp_path)
    finally:
        for each in them:
            each.close()
