"""trust.json: trust files, good and bad, and what they are in the words of C2SP tlog-policy."""

from __future__ import annotations

from muniment.core.format import keys
from muniment.core.proof import tlog_policy, trust
from muniment.core.proof.trust import Cosigner, Statement, Trust
from published import rogues
from published.book import Book
from published.cast import KEYS, ORIGIN, VERIFIER, Json, digest, witness


def list_trusts(book: Book) -> dict[str, Trust]:
    """Every trust file that another vector names."""
    elsewhere = "example.net/other"
    return {
        "solo": Trust(ORIGIN, book.ledger, (VERIFIER,)),
        "witnessed": _witnessed(book, "append-only"),
        "replayed": _witnessed(book, "replayed"),
        "voted": _witnessed(book, "voted"),
        "another origin": Trust(elsewhere, book.ledger, (keys.derive(elsewhere, KEYS["log"].public_key),)),
        "another ledger": Trust(ORIGIN, digest("another ledger"), (VERIFIER,)),
        "another key": Trust(ORIGIN, book.ledger, (keys.derive(ORIGIN, KEYS["mallory"].public_key),)),
        "rogue": Trust(ORIGIN, rogues.found().ledger, (VERIFIER,)),
    }


def _witnessed(book: Book, statement: Statement) -> Trust:
    """Two of two organisations, one of which has two keys. Beta states `replayed` where Alpha only says append-only."""
    stronger: Statement = "replayed" if statement == "append-only" else statement
    cosigners = (
        Cosigner(witness("alpha"), "Alpha", statement),
        Cosigner(witness("alpha2"), "Alpha", statement),
        Cosigner(witness("beta"), "Beta", stronger),
    )
    return Trust(ORIGIN, book.ledger, (VERIFIER,), cosigners, 2)


def write(book: Book) -> Json:
    """The files, and what is refused in them."""
    good = list_trusts(book)
    base = trust.format(good["witnessed"])
    bad = [{"name": name, "text": _edit(base, old, new), "code": "bad-trust", "field": field} for name, old, new, field in EDITS]
    policies = [{"trust": name, "policy": tlog_policy.format_policy(good[name])} for name in ("solo", "witnessed")]
    return {
        "about": "docs/spec 11.1 and 11.2. `trust` is what each text says; the texts are as `muniment` writes them.",
        "good": [{"name": name, "text": trust.format(each), "trust": _describe(each)} for name, each in good.items()],
        "bad": bad,
        "policies": policies,
        "badPolicies": [{"name": name, "text": text, "code": code} for name, (text, code) in _bad_policies().items()],
    }


def _describe(each: Trust) -> Json:
    cosigners = [
        {"vkey": keys.format(one.verifier), "organisation": one.organisation, "statement": one.statement} for one in each.cosigners
    ]
    return {
        "origin": each.origin,
        "ledger": each.ledger,
        "logKeys": [keys.format(key) for key in each.log_keys],
        "cosigners": cosigners,
        "quorum": each.quorum,
    }


def _edit(text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


_ALPHA, _LOG = keys.format(witness("alpha")), keys.format(VERIFIER)
_AS_LOG = keys.format(keys.derive("alpha.example/witness", KEYS["alpha"].public_key))
_OTHER_NAME = keys.format(keys.derive("example.net/other", KEYS["log"].public_key))
EDITS: tuple[tuple[str, str, str, str], ...] = (
    ("not TOML", "origin =", "origin :", ""),
    ("another field", "origin =", "note = 1\norigin =", "note"),
    ("another field of a cosigner", "[[cosigners]]\n", "[[cosigners]]\nsince = 1\n", "cosigners[0].since"),
    ("a number for a text", f'origin = "{ORIGIN}"', "origin = 1", "origin"),
    ("no ledger", "ledger =", "# ledger =", "ledger"),
    ("a ledger in capitals", 'ledger = "', 'ledger = "A', "ledger"),
    ("a quorum of fewer organisations than listed", "2 of 2", "1 of 1", "quorum"),
    ("a quorum of more than there are", "2 of 2", "3 of 3", "quorum"),
    ("a quorum in other words", "2 of 2 organisations", "two", "quorum"),
    ("an unknown statement", 'statement = "append-only"', 'statement = "seen"', "cosigners[0].statement"),
    ("a name with a space", 'organisation = "Beta"', 'organisation = "Beta Inc"', "cosigners[2].organisation"),
    ("a cosigner with a log's key", _ALPHA, _AS_LOG, "cosigners[0].vkey"),
    ("a log key under another name", _LOG, _OTHER_NAME, "log_keys[0]"),
    ("a cosigner's key for the log", _LOG, _ALPHA, "log_keys[0]"),
    ("no key for the log", f'    "{_LOG}",\n', "", "log_keys"),
    ("one key twice", keys.format(witness("beta")), keys.format(witness("alpha2")), "cosigners[2].vkey"),
    ("a vkey that is none", _ALPHA, "alpha", "cosigners[0].vkey"),
)


def _bad_policies() -> dict[str, tuple[str, str]]:
    head = f"log {_LOG}\nwitness a {_ALPHA}\nwitness b {keys.format(witness('beta'))}\n"
    return {
        "no quorum": (head, "bad-policy"),
        "an unknown line": (head + "quorum none\nfoo\n", "bad-policy"),
        "an undefined member": (head + "group g 1 c\nquorum g\n", "bad-policy"),
        "a name twice": (head + "group a 1 b\nquorum none\n", "bad-policy"),
        "a group that asks for more than it has": (head + "group g 3 a b\nquorum g\n", "bad-policy"),
        "two quorums": (head + "quorum none\nquorum none\n", "bad-policy"),
        "no log": (head.split("\n", 1)[1] + "quorum none\n", "policy-not-expressible"),
        "a group of all within a group": (head + "group g all a b\ngroup h 1 g\nquorum h\n", "policy-not-expressible"),
    }
