"""server.process.options: from options and server.toml to settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.errors import InvalidInput
from muniment.server.process import options
from muniment.server.settings import PORT, Limits, Served

HOME = Path("/srv/ledger")


def write(folder: Path, text: str) -> Path:
    file = folder / "server.toml"
    file.write_text(text)
    return file


def refuse(folder: Path, text: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        options.resolve({}, HOME, write(folder, text))
    return caught.value


def test_without_anything_the_ledger_here_is_served_privately_on_this_machine() -> None:
    settings = options.resolve({}, HOME, None)
    assert settings.ledgers == (Served(name="", home=HOME),)
    assert settings.state == HOME / "server"
    assert (settings.host, settings.port, settings.public, settings.workers) == ("127.0.0.1", PORT, False, 1)


def test_a_file_says_everything_and_paths_count_from_its_folder(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        host = "0.0.0.0"
        port = 0
        public = true
        state = "kept"
        certificate = "tls.crt"
        certificate_key = "/etc/tls.key"
        [[ledgers]]
        name = "credit"
        home = "ledgers/credit"
        [[ledgers]]
        name = ""
        home = "/srv/main"
        [limits]
        body_seconds = 5
        [[providers]]
        name = "ci"
        issuer = "https://id.example.com"
        audience = "muniment"
        scopes = ["read", "write"]
        claims = {repository = "acme/credit"}
        """,
    )
    settings = options.resolve({}, HOME, file)
    assert settings.ledgers == (
        Served(name="credit", home=tmp_path / "ledgers" / "credit"),
        Served(name="", home=Path("/srv/main")),
    )
    assert settings.state == tmp_path / "kept"
    assert (settings.certificate, settings.certificate_key) == (tmp_path / "tls.crt", Path("/etc/tls.key"))
    assert settings.limits == Limits(body_seconds=5.0)
    assert settings.providers[0].claims == {"repository": "acme/credit"}
    assert settings.public


def test_what_is_typed_is_stronger_than_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'port = 1\nworkers = 2\n[[ledgers]]\nname = "a"\nhome = "/a"\n')
    settings = options.resolve({"port": 0, "workers": None, "ledgers": [options.parse_ledger("b=/b")]}, HOME, file)
    assert (settings.port, settings.workers, settings.ledgers) == (0, 2, (Served(name="b", home=Path("/b")),))
    assert settings.state == Path("/b/server")


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("prot = 1", "unknown-key", "Did you mean 'port'?"),
        ("[limits]\nbody_byte = 1", "unknown-key", "Did you mean 'body_bytes'?"),
        ('[[providers]]\nname = "x"\nissuers = "y"', "unknown-key", "Did you mean 'issuer'?"),
        ('[[ledgers]]\nname = "x"\nfolder = "y"', "unknown-key", "There are name, home."),
        ("port = 'x'", "bad-value", "docs/server.md"),
        ("port = 70000", "bad-value", "A port is 0 to 65535"),
        ("workers = 0", "bad-value", "workers are 1 to 64"),
        ('log_format = "xml"', "bad-value", "json or text"),
        ("[limits]\nconnections = 0", "bad-value", "Leave it out"),
        ("port = ", "bad-config", "TOML"),
        ('certificate = "a"', "bad-certificate", "Give both"),
        ('[[ledgers]]\nname = "a/b"\nhome = "x"', "bad-name", "stands in addresses"),
        ('[[ledgers]]\nname = "a"', "bad-value", "docs/server.md"),
        ('ledgers = "x"', "bad-value", "docs/server.md"),
    ],
)
def test_what_nobody_knows_or_cannot_be_is_an_error_with_a_hint(tmp_path: Path, text: str, code: str, hint: str) -> None:
    error = refuse(tmp_path, text)
    assert error.code == code
    assert hint in error.hint


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file") as caught:
        options.resolve({}, HOME, tmp_path / "none.toml")
    assert caught.value.code == "bad-config"
    assert refuse(tmp_path, "#" * (options.MAX_FILE_BYTES + 1)).code == "bad-config"


@pytest.mark.parametrize("text", ["credit", "credit=", "=", ""])
def test_a_ledger_is_named_with_its_folder(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        options.parse_ledger(text)
    assert caught.value.code == "bad-name"
