"""What somebody else wrote never steers the terminal of whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import credit
from muniment.cli import output
from muniment.cli.terminal import plain
from muniment.client import opening

Call = Callable[..., Any]
HOSTILE = "fine\x1b]0;owned\x07\x1b[8mhidden\x1b[2J\r\x9b31m\u202eevil\u200b\x00"


def test_prose_of_a_signer_is_shown_without_what_steers_a_terminal(call: Call, home: Path) -> None:
    with opening.open() as ledger:
        lived = credit.live(ledger, Path())
        index = ledger.note(lived.first.digest, HOSTILE).index
    for command in (("show", str(index)), ("history", "credit-risk@1"), ("prove", str(index), "--out", "note.json", "--disclose")):
        shown = call(*command)
        text = shown.out + shown.err
        assert not set("\x1b\x07\x9b\r\x00\u202e\u200b") & set(text), command
        if command[0] == "show":
            assert "fine" in text
            assert "evil" in text


def test_our_own_emphasis_stays(capsys: pytest.CaptureFixture[str]) -> None:
    assert plain(output.strong("a") + output.good("b") + output.bad("c") + output.faint("d")) == (
        output.strong("a") + output.good("b") + output.bad("c") + output.faint("d")
    )
    assert plain("Zoë 東京 €\n\tnext") == "Zoë 東京 €\n\tnext"
    # Text that nobody sees is none of ours.
    assert "\x1b" not in plain("\x1b[8mhidden\x1b[30;40mblack")
