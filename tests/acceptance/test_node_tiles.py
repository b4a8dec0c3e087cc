"""A reader that we did not write reads a consortium's ledger from its node: the log's own line, cosignatures, tiles and entries.

A real node of one member, open to everybody, below and above one full tile, and while events flow. That several cosign is seen
where several nodes run (test_node_arrival, test_node_members).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

import consortium
import engines
import golang
import makers
from consortium import Consortium
from muniment.core.format import keys

BATCH = 130
"""Two of them go beyond a full tile."""


@pytest.fixture(scope="module")
def them(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    engines.find_engine()
    with consortium.alone():
        found = consortium.found(tmp_path_factory.mktemp("node"), ("lab",))
        try:
            found.lab.start("--public").wait()
            yield found
        finally:
            found.lab.close()


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> golang.Read:
    return golang.build_reader(tmp_path_factory.mktemp("go"))


def test_it_reads_what_the_node_has_before_and_after_more_events(them: Consortium, read: golang.Read) -> None:
    seen = []
    for number in range(3):
        if number:
            verdicts = them.lab.record(*(them.system("lab", f"system-{number}-{each}") for each in range(BATCH)))
            assert {each["decision"] for each in verdicts} <= {"admitted", "repeated"}
        expected, root = max(them.lab.heads().values())
        # The log's own line follows the quorum.
        consortium.until(lambda: f"— {them.trust.origin} " in them.lab.text("/checkpoint"))
        size, found, cosigned = golang.read_log(read, them.lab.url, them.trust)
        assert (size, found) == (expected, base64.b64decode(root).hex())
        assert cosigned == ["example.com/credit/lab"]
        seen.append(size)
    assert seen[0] < seen[1] < 256 < seen[2]


def test_it_believes_no_other_log_and_no_other_cosigner(them: Consortium, read: golang.Read) -> None:
    log, cosigner = them.trust.log_keys[0], them.trust.cosigners[0].verifier
    other = keys.derive(log.name, makers.BOB.public_key)
    assert read(them.lab.url, keys.format(other)).returncode == 1
    # A cosignature counts by its key: a line of the same name with another one is nobody's.
    stranger = keys.derive(cosigner.name, makers.BOB.public_key, keys.COSIGNATURE)
    done = read("-cosigner", keys.format(stranger), them.lab.url, keys.format(log))
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    # The members' lines alone are no line of the log.
    assert read("-cosigner", keys.format(cosigner), them.lab.url, keys.format(other)).returncode == 1
