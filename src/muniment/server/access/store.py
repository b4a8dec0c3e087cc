"""The server's own small file, `access.db` in its state folder: tokens, sessions, one-time codes, requests for keys.

    with closing(store.open(settings.state)) as file:
        with file.writing() as sql: ...

It holds no secret: of tokens, cookies and codes it knows only SHA-256 digests. Nothing in it is part of a ledger; who loses it
makes new tokens.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from muniment.server import state_file
from muniment.server.state_file import Layout, StateFile

FILE = "access.db"
APPLICATION_ID = 0x4D756E41  # "MunA"

SCHEMA = """
-- API tokens. `secret` is the SHA-256 of the secret; scopes, ledgers and environments are JSON arrays; times are microseconds.
CREATE TABLE token (id TEXT PRIMARY KEY, secret BLOB NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, ledgers TEXT NOT NULL,
  environments TEXT NOT NULL, created INTEGER NOT NULL, creator TEXT NOT NULL, expires INTEGER, revoked INTEGER, used INTEGER)
  WITHOUT ROWID;
-- Browsers that are signed in, by the SHA-256 of the cookie; `token` is the API token that was pasted, whose end is its end too.
CREATE TABLE session (id BLOB PRIMARY KEY, caller TEXT NOT NULL, token TEXT, expires INTEGER NOT NULL, seen INTEGER NOT NULL)
  WITHOUT ROWID;
-- What may be used once: sign-in links, and sign-ins that are under way at a provider.
CREATE TABLE once (id BLOB PRIMARY KEY, purpose TEXT NOT NULL, body TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
-- Keys that ask for admission to a ledger.
CREATE TABLE request (id INTEGER PRIMARY KEY AUTOINCREMENT, ledger TEXT NOT NULL, key TEXT NOT NULL, line TEXT NOT NULL,
  asker TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, UNIQUE (ledger, key));
-- Workload tokens (their SHA-256) that had a key admitted, and which: a token admits one key.
CREATE TABLE workload (token BLOB PRIMARY KEY, ledger TEXT NOT NULL, key TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
"""
LAYOUT = Layout(name=FILE, holds="the file of tokens", application_id=APPLICATION_ID, schema=SCHEMA)


def open(folder: Path) -> StateFile:
    """Open the file in a folder, and make both where they are missing. Raises Unavailable, CorruptStore."""
    return state_file.open(folder, LAYOUT)


def hash_secret(secret: str) -> bytes:
    """What is kept of a secret: its SHA-256. Secrets are 32 random bytes, so nothing slower is needed."""
    return hashlib.sha256(secret.encode()).digest()
