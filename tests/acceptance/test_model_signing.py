"""Promise: the OpenSSF package `model_signing` verifies the manifest digest that the demo recorded for its model's folder."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

from model_signing import hashing
from model_signing._signing.signing import Payload

PROGRAM = str(Path(sys.executable).with_name("muniment"))


def test_model_signing_computes_the_recorded_digest(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    def run(*arguments: str) -> str:
        done = subprocess.run([PROGRAM, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("demo", "--json")
    log = json.loads(run("log", "--home", "demo/.muniment", "--event", "model.registered", "--json"))
    recorded = {}
    for row in log["events"]:
        answer = json.loads(run("prove", str(row["index"]), "--home", "demo/.muniment"))
        entry = next(each for each in answer["entries"] if each["index"] == row["index"])
        envelope = json.loads(base64.b64decode(entry["entry"]))
        predicate = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
        recorded[predicate["model"], row["thing"]] = predicate["omsDigest"]
    assert len(recorded) == 3
    theirs = [
        Payload(hashing.hash(tmp_path / "demo" / "models" / number)).statement.pb.subject[0].digest["sha256"]
        for number in ("3", "2", "1")
    ]
    assert list(recorded.values()) == theirs
