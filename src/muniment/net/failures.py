"""What went wrong on the way to a node, as errors of the tree: what a node says (problem details), and what never came."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from muniment.core.rules.policy import PolicyViolation, Reason, Verdict
from muniment.errors import Conflict, Detail, InvalidInput, LedgerError, MunimentError, NotFound, Unavailable, VerificationError
from muniment.net.wire import Problem

PROBLEM = "application/problem+json"
MAX_TEXT = 2_000

_BY_STATUS: tuple[tuple[int, type[MunimentError]], ...] = (
    (400, InvalidInput),
    (404, NotFound),
    (409, Conflict),
    (413, InvalidInput),
    (422, InvalidInput),
)
_ELSEWHERE = ("no-such-ledger", "no-such-page")
_NO_TOKEN = "Set MUNIMENT_TOKEN to a token for this node; whoever runs it makes one with `muniment tokens create`."
_errno = re.compile(r"\[Errno -?[0-9]+\] ([^\[]{1,100})")
_certificate = re.compile(r"certificate verify failed: ([^(]{1,120}?) ?[(]")
_problem = msgspec.json.Decoder(Problem)


def read_problem(status: int, content_type: str, body: bytes, retry_after: float | None) -> MunimentError | None:
    """The error that a node told; None for an answer that is not a node's, such as a proxy's page."""
    if content_type != PROBLEM:
        return None
    try:
        problem = _problem.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    code, hint = problem.code[:128] or "error", _clean(problem.hint) or None
    if code == "unauthenticated":
        # The node's own hint is for those who speak HTTP themselves.
        hint = _NO_TOKEN
    said = _clean(problem.detail) or _clean(problem.title) or "the node gave no reason"
    details = _read_details(problem.details)
    # Of another server, or of no ledger: that says nothing about what is recorded. Nor does a token that has ended: what is signed
    # meanwhile is kept, and sent with another one.
    if status in (401, 429, 503) or (status == 404 and code in _ELSEWHERE):
        return Unavailable(said, code=code, hint=hint, details=details, retry_after=retry_after)
    if status == 409 and (violation := _read_violation(problem)) is not None:
        return violation
    if status == 422 and isinstance(step := details.get("step"), int):
        return VerificationError(said, step=step, code=code, hint=hint, details=details)
    kind = next((kind for each, kind in _BY_STATUS if each == status), LedgerError)
    return kind(said, code=code, hint=hint, details=details)


def describe_foreign(status: int, url: str, body: bytes, retry_after: float | None) -> Unavailable:
    """The error for an answer that no node gave."""
    return Unavailable(
        f"{url} answered {status}, and not as a node does",
        code="not-a-node" if status < 500 else "unreachable",
        hint="Compare the address with the one you were given; a proxy in between may have answered.",
        retry_after=retry_after,
        details={"status": status, "body": _clean(body[:MAX_TEXT].decode("utf-8", "replace"))[:200]},
    )


def describe_lost(host: str, error: BaseException) -> Unavailable:
    """The error for an answer that did not come."""
    return Unavailable(
        f"{host} cannot be reached: {_reason(error)}",
        code="unreachable",
        hint="Check the network and the address (http or https?); `muniment log --pending` lists what was kept meanwhile.",
        retry_after=5.0,
    )


def describe_untrusted(host: str, error: BaseException) -> Unavailable:
    """The error for a server whose certificate does not hold."""
    found = _certificate.search(_clean(str(error)))
    return Unavailable(
        f"{host} does not show a certificate that is trusted here: {found[1] if found else _clean(str(error))[:200]}",
        code="tls",
        hint="Where the node has a certificate of your own authority, name that authority's file in MUNIMENT_CA.",
    )


def describe_bad(url: str, reason: str) -> Unavailable:
    """The error for an answer that is none: cut, too long, or of another form."""
    return Unavailable(
        f"the answer of {url} cannot be used: {reason}",
        code="bad-answer",
        hint="Try again; if it stays, tell whoever runs the node or the proxy before it.",
    )


def _reason(error: BaseException) -> str:
    """Why, without the names of classes that only mean something to programmers."""
    text = _clean(str(error))
    if found := _errno.search(text):
        return found[1].rstrip("'\")").lower()
    if "timed out" in text:
        return "no answer came in time"
    if "Remote end closed" in text or "IncompleteRead" in text:
        return "it hung up"
    return text[:200] or type(error).__name__


def _read_violation(problem: Problem) -> PolicyViolation | None:
    event_id, raw = problem.details.get("eventId"), problem.details.get("reasons")
    try:
        reasons = msgspec.convert(raw, tuple[Reason, ...])
    except msgspec.ValidationError:
        return None
    if not reasons or not isinstance(event_id, str):
        return None
    return PolicyViolation(Verdict(decision="refused", event_id=event_id, reasons=reasons))


def _read_details(raw: Mapping[str, object]) -> dict[str, Detail]:
    """Those details that have a plain form: texts, numbers, and lists of one of the two."""
    found: dict[str, Detail] = {}
    for name, value in list(raw.items())[:32]:
        if isinstance(value, str | int):
            found[name[:64]] = value
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            found[name[:64]] = [str(each) for each in value]
        elif isinstance(value, list) and all(type(each) is int for each in value):
            found[name[:64]] = list(value)
    return found


def _clean(text: str) -> str:
    """A stranger's text in one line, without what could steer a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:MAX_TEXT]).strip()
