"""config: five layers, one answer, and the reason for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from muniment.config import KEYS, Config, resolve
from muniment.errors import InvalidInput


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """The user's home folder."""
    folder = tmp_path / "user"
    (folder / ".config" / "muniment").mkdir(parents=True)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src" / "deep").mkdir(parents=True)
    return folder


@pytest.fixture
def environment(user: Path) -> dict[str, str]:
    return {"HOME": str(user)}


def say(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_defaults(environment: dict[str, str], project: Path, user: Path) -> None:
    config = resolve(environment, project, {})
    assert config.home == project / ".muniment"
    assert (config.url, config.actor, config.trust) == (None, None, None)
    assert config.state == user / ".local" / "state" / "muniment"
    assert (config.output, config.no_input) == ("text", False)
    assert all(config.explain(key).layer in ("default", None) for key in KEYS)


def test_each_layer_beats_the_ones_below(environment: dict[str, str], project: Path, user: Path) -> None:
    place = user / ".config" / "muniment" / "config.toml"
    steps = []
    say(place, 'actor = "user"')
    steps.append(resolve(environment, project, {}))
    say(project / "muniment.toml", 'actor = "project"')
    steps.append(resolve(environment, project, {}))
    environment["MUNIMENT_ACTOR"] = "environment"
    steps.append(resolve(environment, project, {}))
    steps.append(resolve(environment, project, {"actor": "flag"}))
    assert [config.actor for config in steps] == ["user", "project", "environment", "flag"]
    assert [config.explain("actor").layer for config in steps] == ["user", "project", "environment", "flag"]
    explanation = steps[-1].explain("actor")
    assert [(saying.layer, saying.place, saying.value) for saying in explanation.said] == [
        ("flag", "--actor", "flag"),
        ("environment", "MUNIMENT_ACTOR", "environment"),
        ("project", str(project / "muniment.toml"), "project"),
        ("user", str(place), "user"),
        ("default", "", None),
    ]
    assert (explanation.key, explanation.value) == ("actor", "flag")


def test_what_was_not_given_says_nothing(environment: dict[str, str], project: Path) -> None:
    environment |= {"MUNIMENT_ACTOR": "", "MUNIMENT_OUTPUT": ""}
    config = resolve(environment, project, {"actor": None, "output": None, "no_input": None})
    assert (config.actor, config.output, config.no_input) == (None, "text", False)
    assert config.explain("actor").layer is None


class TestPlaces:
    def test_the_nearest_project_file_counts_alone(self, environment: dict[str, str], project: Path) -> None:
        say(project / "muniment.toml", 'actor = "far"\noutput = "json"')
        say(project / "src" / "pyproject.toml", '[tool.muniment]\nactor = "near"')
        config = resolve(environment, project / "src" / "deep", {})
        assert (config.actor, config.output) == ("near", "text")
        assert config.explain("actor").said[2].place == f"{project / 'src' / 'pyproject.toml'} [tool.muniment]"

    def test_an_own_file_goes_before_pyproject(self, environment: dict[str, str], project: Path) -> None:
        say(project / "muniment.toml", 'actor = "own"')
        say(project / "pyproject.toml", '[tool.muniment]\nactor = "shared"')
        assert resolve(environment, project, {}).actor == "own"

    @pytest.mark.parametrize("text", ["", "[tool.other]\nactor = 1", "# muniment", "tool = 1\n# muniment", "not toml at all ["])
    def test_a_pyproject_that_does_not_speak_of_us_is_passed_by(
        self, environment: dict[str, str], project: Path, text: str
    ) -> None:
        say(project / "src" / "pyproject.toml", text)
        say(project / "muniment.toml", 'actor = "far"')
        assert resolve(environment, project / "src", {}).actor == "far"

    def test_an_inline_table_is_a_table(self, environment: dict[str, str], project: Path) -> None:
        say(project / "pyproject.toml", '[tool]\nmuniment = { actor = "alice" }')
        assert resolve(environment, project, {}).actor == "alice"

    def test_the_ledger_is_searched_upwards(self, environment: dict[str, str], project: Path) -> None:
        assert resolve(environment, project / "src", {}).home == project / "src" / ".muniment"
        (project / ".muniment").mkdir()
        assert resolve(environment, project / "src" / "deep", {}).home == project / ".muniment"
        (project / "src" / ".muniment").write_text("a file")
        assert resolve(environment, project / "src", {}).home == project / ".muniment"

    def test_paths_count_from_where_they_are_said(self, environment: dict[str, str], project: Path, user: Path) -> None:
        say(project / "muniment.toml", 'home = "ledger"\ntrust = "~/trust.toml"')
        say(user / ".config" / "muniment" / "config.toml", 'state = "../state"')
        config = resolve(environment, project / "src", {})
        assert config.home == project / "ledger"
        assert config.trust == user / "trust.toml"
        assert config.state == user / ".config" / "state"
        environment["MUNIMENT_HOME"] = "here"
        assert resolve(environment, project / "src", {}).home == project / "src" / "here"
        assert resolve(environment, project / "src", {"home": Path("there")}).home == project / "src" / "there"
        assert resolve(environment, project, {"home": "~"}).home == user

    def test_the_folders_of_the_user(self, project: Path, tmp_path: Path) -> None:
        named = {"HOME": "/nowhere", "XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_STATE_HOME": str(tmp_path / "s")}
        say(tmp_path / "c" / "muniment" / "config.toml", 'actor = "alice"')
        config = resolve(named, project, {})
        assert (config.actor, config.state) == ("alice", tmp_path / "s" / "muniment")
        ignored = resolve({"HOME": str(tmp_path), "XDG_STATE_HOME": "relative"}, project, {})
        assert ignored.state == tmp_path / ".local" / "state" / "muniment"

    def test_an_environment_without_a_home(self, project: Path) -> None:
        config = resolve({}, project, {})
        assert config.state.is_absolute()
        assert config.state.parts[-3:] == (".local", "state", "muniment")

    def test_a_relative_working_directory(
        self, environment: dict[str, str], project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project)
        assert resolve(environment, Path(), {}).home == project / ".muniment"


class TestLedger:
    def test_the_stronger_layer_says_where_the_ledger_is(self, environment: dict[str, str], project: Path) -> None:
        environment["MUNIMENT_URL"] = "https://ledger.example.org"
        assert resolve(environment, project, {}).url == "https://ledger.example.org"
        config = resolve(environment, project, {"home": "here"})
        assert (config.url, config.home) == (None, project / "here")
        explanation = config.explain("url")
        assert (explanation.value, explanation.layer) == (None, None)
        assert explanation.said[1].value == "https://ledger.example.org"
        say(project / "muniment.toml", 'home = "weaker"')
        config = resolve(environment, project, {})
        assert (config.url, config.home.parent) == ("https://ledger.example.org", config.state / "nodes")

    def test_what_belongs_to_the_client_of_a_node_has_a_folder_of_its_own(self, environment: dict[str, str], project: Path) -> None:
        homes = set()
        for url in ("https://a.example", "https://a.example/", "https://a.example/l/credit", "http://a.example"):
            config = resolve(environment | {"MUNIMENT_URL": url}, project, {})
            assert config.home.parent == config.state / "nodes"
            assert config.home.name.startswith("a.example")
            assert config.explain("home").layer is None
            homes.add(config.home)
        assert len(homes) == 3

    def test_one_layer_may_say_both(self, environment: dict[str, str], project: Path) -> None:
        both = environment | {"MUNIMENT_HOME": "x", "MUNIMENT_URL": "http://h"}
        config = resolve(both, project, {})
        assert (config.url, config.home) == ("http://h", project / "x")
        config = resolve(both, project, {"home": "y", "url": "http://g"})
        assert (config.url, config.home) == ("http://g", project / "y")

    def test_a_token_is_no_matter_of_a_projects_file(self, environment: dict[str, str], project: Path) -> None:
        assert resolve(environment | {"MUNIMENT_TOKEN": "t"}, project, {}).token == "t"
        say(project / "muniment.toml", 'token = "t"')
        with pytest.raises(InvalidInput) as caught:
            resolve(environment, project, {})
        assert caught.value.code == "secret-in-project"


class TestValues:
    @pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("off", False)])
    def test_switches_of_the_environment(self, environment: dict[str, str], project: Path, text: str, value: bool) -> None:
        assert resolve(environment | {"MUNIMENT_NO_INPUT": text}, project, {}).no_input is value

    def test_a_switch_that_is_off_is_said_too(self, environment: dict[str, str], project: Path) -> None:
        config = resolve(environment | {"MUNIMENT_NO_INPUT": "1"}, project, {"no_input": False})
        assert (config.no_input, config.explain("no_input").layer) == (False, "flag")

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            ("no_input = 1", "no_input"),
            ('no_input = "yes"', "no_input"),
            ('output = "xml"', "output"),
            ('url = "ledger.example.org"', "url"),
            ('url = "file:///etc"', "url"),
            ("actor = 7", "actor"),
            ('gate = {max_age = "soon"}', "gate.max_age"),
            ("gate.max_age = 7", "gate.max_age"),
            ('actor = ""', "actor"),
            ("home = []", "home"),
            ('home = "a\\u0000b"', "home"),
        ],
    )
    def test_a_bad_value_names_file_and_key(self, environment: dict[str, str], project: Path, text: str, key: str) -> None:
        say(project / "muniment.toml", text)
        with pytest.raises(InvalidInput) as caught:
            resolve(environment, project, {})
        assert caught.value.code == "bad-value"
        assert caught.value.details == {"file": str(project / "muniment.toml"), "key": key}

    def test_a_key_of_a_table_has_a_variable_and_a_flag_of_its_own(self, environment: dict[str, str], project: Path) -> None:
        assert resolve(environment, project, {}).gate_max_age == 7 * 86_400
        say(project / "pyproject.toml", '[tool.muniment.gate]\nmax_age = "24h"')
        assert resolve(environment, project, {}).gate_max_age == 86_400
        named = environment | {"MUNIMENT_GATE_MAX_AGE": "90s"}
        assert resolve(named, project, {}).gate_max_age == 90
        found = resolve(named, project, {"gate.max_age": "15m"})
        assert found.gate_max_age == 900
        assert [each.place for each in found.explain("gate.max_age").said[:2]] == ["--max-age", "MUNIMENT_GATE_MAX_AGE"]

    def test_a_bad_variable_or_flag_is_named(self, environment: dict[str, str], project: Path) -> None:
        with pytest.raises(InvalidInput, match="MUNIMENT_OUTPUT"):
            resolve(environment | {"MUNIMENT_OUTPUT": "xml"}, project, {})
        with pytest.raises(InvalidInput, match="MUNIMENT_NO_INPUT"):
            resolve(environment | {"MUNIMENT_NO_INPUT": "perhaps"}, project, {})
        with pytest.raises(InvalidInput, match="--no-input"):
            resolve(environment, project, {"no_input": "yes"})

    @pytest.mark.parametrize(
        ("key", "hint"),
        [("actr", "actor"), ("no-input", "no_input"), ("Home", "home"), ("colour", "The keys are"), ("gate.age", "gate.max_age")],
    )
    def test_an_unknown_key_is_named(self, environment: dict[str, str], project: Path, user: Path, key: str, hint: str) -> None:
        for file, text in (
            (project / "muniment.toml", f"{key} = 1"),
            (user / ".config" / "muniment" / "config.toml", f"{key} = 1"),
            (project / "pyproject.toml", f"[tool.muniment]\n{key} = 1"),
        ):
            say(file, text)
            with pytest.raises(InvalidInput) as caught:
                resolve(environment, project, {})
            assert caught.value.code == "unknown-key"
            assert str(caught.value.details["file"]).startswith(str(file))
            assert caught.value.details["key"] == key
            assert hint in caught.value.hint
            file.unlink()

    def test_an_unknown_key_is_not_explained(self, environment: dict[str, str], project: Path) -> None:
        config = resolve(environment, project, {})
        with pytest.raises(InvalidInput, match="actors"):
            config.explain("actors")
        with pytest.raises(InvalidInput):
            resolve(environment, project, {"colour": True})

    @pytest.mark.parametrize(
        "raw",
        [b"actor", b"actor = 'a'\nactor = 'b'", b"\xff", b"a = " + b"[" * 5_000, b"#" * (1 << 20) + b"#", b"a = 1" + b"9" * 5_000],
    )
    def test_a_broken_file_is_named(self, environment: dict[str, str], project: Path, raw: bytes) -> None:
        (project / "muniment.toml").write_bytes(raw)
        with pytest.raises(InvalidInput) as caught:
            resolve(environment, project, {})
        assert caught.value.code in ("bad-config", "unknown-key")
        assert str(project / "muniment.toml") in str(caught.value)

    def test_a_file_that_cannot_be_read_is_named(self, environment: dict[str, str], project: Path) -> None:
        (project / "muniment.toml").mkdir()
        with pytest.raises(InvalidInput) as caught:
            resolve(environment, project, {})
        assert caught.value.code == "bad-config"

    def test_a_table_that_is_none(self, environment: dict[str, str], project: Path) -> None:
        say(project / "pyproject.toml", "[tool]\nmuniment = 3")
        with pytest.raises(InvalidInput) as caught:
            resolve(environment, project, {})
        assert caught.value.code == "bad-config"


def test_nothing_is_read_but_what_was_given(project: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "MUNIMENT_ACTOR", "mallory")
    config: Config = resolve({"HOME": str(user)}, project, {})
    assert config.actor is None
