"""Asks a ledger of tests a question, and verifies what it answers."""

from __future__ import annotations

import json
from typing import Protocol

import pytest

from muniment.core.proof import answer as answers
from muniment.core.proof import trust as trusts
from muniment.core.proof import verify
from muniment.core.proof.answer import Answer
from muniment.core.proof.inquiry import Inquiry
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import Verified
from muniment.errors import VerificationError
from muniment.ledger import prover
from muniment.ledger.embedded import Embedded
from second import verifier as second
from second.head import Trust as Trusted


class Asked(Protocol):
    """Whatever has a ledger and a trust file."""

    trust: Trust

    @property
    def engine(self) -> Embedded:
        """The ledger."""


def draft(asked: Asked, question: Inquiry) -> Answer:
    """The answer as the prover makes it."""
    with asked.engine.view() as view:
        return prover.prove_inquiry(view, question)


def ask(asked: Asked, question: Inquiry) -> Verified:
    """The answer once it was verified, from its bytes alone; its findings are those of the file."""
    found = draft(asked, question)
    verified = verify.verify_answer(answers.encode(found), asked.trust)
    assert verified.result == found.result
    return verified


def ask_twice(asked: Asked, question: Inquiry) -> Verified:
    """The answer, which the second verifier, written from the page alone, takes as well: it finds the findings by itself."""
    found = draft(asked, question)
    told = second.verify(json.loads(answers.encode(found)), Trusted(trusts.format(asked.trust)))
    assert told["statuses"] == list(found.result.statuses)
    return verify.verify_answer(answers.encode(found), asked.trust)


def fails(asked: Asked, found: Answer, code: str, step: int = 11) -> VerificationError:
    """A changed answer must fail at this step with this code."""
    with pytest.raises(VerificationError) as caught:
        verify.verify_answer(answers.encode(found), asked.trust)
    assert (caught.value.step, caught.value.code) == (step, code), str(caught.value)
    return caught.value
