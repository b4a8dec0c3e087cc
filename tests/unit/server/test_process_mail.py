"""server.process.mail: questions between the processes of one server."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from muniment.errors import InvalidInput, InvariantError, NotFound, Unavailable
from muniment.server.problems import Forbidden
from muniment.server.process import mail
from muniment.server.process.mail import Line, Office, Question
from muniment.server.submitting import Batch

SUBMIT = Question(
    number=0, kind="submit", ledger="credit", batch=Batch(entries=(b"a" * 100_000,), since=3, environments=frozenset({"eu"}))
)


def tell(path: Path, answer: mail.Answer, story: Callable[[Line, Office], Awaitable[None]]) -> None:
    async def run() -> None:
        office, line = Office(path, answer), Line(path)
        await office.open()
        await story(line, office)
        line.close()
        await office.close()

    asyncio.run(run())


def test_a_question_arrives_as_it_was_asked_and_many_may_wait(tmp_path: Path) -> None:
    path = tmp_path / "writer.sock"
    seen: list[Question] = []

    async def answer(question: Question) -> bytes:
        seen.append(question)
        # The last one asked is the first one answered.
        await asyncio.sleep(0.05 / question.number)
        return str(question.number).encode()

    async def story(line: Line, office: Office) -> None:
        answers = await asyncio.gather(*(line.ask(SUBMIT) for _ in range(20)))
        assert answers == [str(number).encode() for number in range(1, 21)]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    tell(path, answer, story)
    assert seen[0].batch == SUBMIT.batch
    assert not path.exists()


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("bad", code="bad-form", hint="mend", details={"entry": 3, "rules": ["a"]}),
        Forbidden("not you", details={"scope": "write"}),
        NotFound("nothing"),
        Unavailable("later", code="busy", retry_after=2.5),
    ],
)
def test_an_error_of_the_tree_comes_out_as_it_was_raised(tmp_path: Path, error: InvalidInput) -> None:
    async def answer(question: Question) -> bytes:
        raise error

    async def story(line: Line, office: Office) -> None:
        with pytest.raises(type(error), match=str(error)) as caught:
            await line.ask(SUBMIT)
        told = caught.value
        assert (told.code, told.hint, told.details) == (error.code, error.hint, error.details)
        assert getattr(told, "retry_after", None) == getattr(error, "retry_after", None)

    tell(tmp_path / "s", answer, story)


def test_a_bug_over_there_is_a_bug_here(tmp_path: Path) -> None:
    async def answer(question: Question) -> bytes:
        raise KeyError("x")

    async def story(line: Line, office: Office) -> None:
        with pytest.raises(InvariantError, match="KeyError"):
            await line.ask(SUBMIT)

    tell(tmp_path / "s", answer, story)


def test_whoever_waits_when_the_other_side_dies_is_told_to_come_again(tmp_path: Path) -> None:
    path = tmp_path / "s"

    async def run() -> None:
        line = Line(path)
        with pytest.raises(Unavailable) as caught:
            await line.ask(SUBMIT)
        assert (caught.value.code, caught.value.retry_after) == ("writer-away", mail.RETRY_SECONDS)

        async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.close()

        dying = await asyncio.start_unix_server(die, path=str(path))
        waiting = await asyncio.gather(*(line.ask(SUBMIT) for _ in range(3)), return_exceptions=True)
        assert [getattr(each, "code", each) for each in waiting] == ["writer-away"] * 3
        dying.close()

        async def answer(question: Question) -> bytes:
            return b"well"

        # A new process under the old name; the same line finds it.
        office = Office(path, answer)
        await office.open()
        assert await line.ask(SUBMIT) == b"well"
        line.close()
        await office.close()

    asyncio.run(run())


def test_what_is_in_work_is_answered_before_the_end(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def answer(question: Question) -> bytes:
        begun.set()
        await asyncio.sleep(0.1)
        return b"done"

    async def story(line: Line, office: Office) -> None:
        asked = asyncio.create_task(line.ask(SUBMIT))
        await begun.wait()
        await office.close()
        assert await asked == b"done"

    tell(tmp_path / "s", answer, story)


def test_a_message_beyond_every_size_ends_the_connection(tmp_path: Path) -> None:
    path = tmp_path / "s"

    async def answer(question: Question) -> bytes:
        return b""

    async def story(line: Line, office: Office) -> None:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"\xff\xff\xff\xff")
        assert await reader.read() == b""
        writer.close()

    tell(path, answer, story)
