"""Settings: what is read, from where, and what is said of those that cannot be used."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings as hypothesis_settings, strategies as st

from edge_agent.secret_files import SecretFiles
from edge_agent.service import example_text
from edge_agent.settings import Settings, SettingsError
from edge_agent.settings_environment import default_state, variables
from edge_agent.settings_file import SettingsReader, load
from edge_agent.settings_table import EVERY_SOURCE, GENERAL, KINDS, TABLES, with_files
from glucose.sources import catalogue

SECRET = "correct horse battery staple"
SIMULATED = '[[sources]]\nname = "sim"\nwearer = "Anna"\nkind = "simulated"\n'
WEARER_REFUSED = (
    "sources[1].wearer: whose readings these are; shown when Home Assistant asks where they "
    "belong; allowed: a text of up to 64 characters, on one line and without control characters"
)
SMALLEST = f'node = "pi"\n[broker]\nhost = "broker"\n{SIMULATED}'


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def secret_file(folder: Path, name: str = "word", mode: int = 0o600) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SECRET + "\n", encoding="utf-8")
    path.chmod(mode)
    return path


def loaded(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> Settings:
    return load(written(folder, text), environment or {})


def problems(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        loaded(folder, text, environment)
    return refused.value.problems


def test_the_smallest_settings_have_defaults(tmp_path: Path) -> None:
    found = loaded(tmp_path, SMALLEST, {"STATE_DIRECTORY": "/somewhere:/else"})
    assert (found.node, found.broker.host, found.broker.port) == ("pi", "broker", 1883)
    assert found.state_dir == Path("/somewhere")
    assert (found.pairing_key, found.discovery_prefix, found.health_port) == (None, None, 8099)
    (source,) = found.sources
    assert source.account == {
        "kind": "simulated",
        "seed": 1,
        "time_zone": "UTC",
        "cadence_minutes": 5,
    }


def test_tls_moves_the_port(tmp_path: Path) -> None:
    text = SMALLEST.replace('"broker"', '"broker"\ntls = true')
    assert loaded(tmp_path, text).broker.port == 8883


def test_the_example_can_be_used_once_its_secrets_are_there(tmp_path: Path) -> None:
    secret_file(tmp_path, "secrets/broker-password")
    secret_file(tmp_path, "secrets/anna-dexcom")
    found = loaded(tmp_path, example_text())
    assert [source.kind for source in found.sources] == ["dexcom"]
    assert found.broker.password == SECRET
    assert found.sources[0].account["password"] == SECRET


def test_the_example_uncommented_can_be_used_and_shows_every_setting(tmp_path: Path) -> None:
    lines = [
        line.removeprefix("# ") if line.startswith(("# [", "# ")) and is_setting(line) else line
        for line in example_text().splitlines()
    ]
    raw = tomllib.loads("\n".join(lines))
    shown = {f"{key}" for key in raw if not isinstance(raw[key], (dict, list))}
    assert shown == set(GENERAL)
    for name, table in TABLES.items():
        assert {key.removesuffix("_file") for key in raw[name]} == {
            key.removesuffix("_file") for key in table
        }, name
    kinds = {source["kind"]: source for source in raw["sources"]}
    assert kinds.keys() == KINDS.keys()
    for kind, table in KINDS.items():
        given_keys = {key.removesuffix("_file") for key in kinds[kind]}
        assert set(table) <= given_keys, kind
        assert given_keys <= {*table, *EVERY_SOURCE, "kind"}, kind


def is_setting(line: str) -> bool:
    words = line.removeprefix("# ")
    return words.startswith("[") or words.partition(" = ")[0].replace("_", "").isalpha()


def test_every_kind_of_source_can_be_set() -> None:
    assert KINDS.keys() == catalogue._BUILDERS.keys()  # noqa: SLF001 - the table is the catalogue


def test_every_setting_says_what_it_means_and_what_it_may_be() -> None:
    tables = [GENERAL, EVERY_SOURCE, *TABLES.values(), *KINDS.values()]
    assert all(one.meaning and one.allowed for table in tables for one in table.values())


def test_every_problem_is_named_at_once_and_no_value_is_shown(tmp_path: Path) -> None:
    text = f"""
nodes = "{SECRET}"
[broker]
host = ""
port = "{SECRET}"
usernam = "{SECRET}"
[[sources]]
name = "Not A Name"
wearer = "Anna"
kind = "dexcom"
region = "{SECRET}"
username = "{SECRET}"
"""
    found = problems(tmp_path, text)
    assert SECRET not in "\n".join(found)
    assert [line.partition(":")[0].partition(" is missing")[0] for line in found] == [
        *("nodes", "node", "broker.host", "broker.port", "broker.usernam"),
        *("sources[1].name", "sources[1].region", "sources[1].password"),
    ]
    assert "Did you mean node (" in found[0]
    assert "allowed: a whole number, 1 to 65535" in found[3]
    assert "the broker's port" in found[3]
    assert "one of us, ous, jp" in found[6]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("node = [", "is not TOML"),
        ('node = "pi"\nbroker = 3\n' + SIMULATED, "broker: must be a table"),
        ('node = "pi"\n[broker]\nhost = "h"\n', "sources: where readings come from"),
        (SMALLEST.replace('"simulated"', '"libre"'), "sources[1].kind: what kind of source"),
        (SMALLEST + SIMULATED.replace('"sim"', '"SIM"'), "sources[2].name"),
        (SMALLEST + SIMULATED, "sources[1].name: another is called alike"),
        (SMALLEST.replace('"broker"', '"b"\ncert_file = "x"'), "give both or neither"),
        (SMALLEST.replace('"broker"', '"b"\npassword = "x"'), "broker.username is missing"),
        (SMALLEST.replace("Anna", "An\\tna"), WEARER_REFUSED),
        (SMALLEST.replace("Anna", "An\\u0000na"), WEARER_REFUSED),
        (SMALLEST.replace("Anna", "An\\u0085na"), WEARER_REFUSED),
        (SMALLEST.replace("Anna", "A" * 65), WEARER_REFUSED),
        (SMALLEST + '[home_discovery]\nprefix = "home/#"\n', "home_discovery.prefix: Home"),
        (SMALLEST + '[home_discovery]\nprefix = "/home"\n', "home_discovery.prefix: Home"),
        (SMALLEST + "seed = true\n", "sources[1].seed: which simulated wearer"),
        (SMALLEST + 'time_zone = "Mars/Phobos"\n', "sources[1].time_zone"),
        (SMALLEST + "started_at = 2026-01-01T00:00:00\n", "sources[1].started_at"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    assert said in "\n".join(problems(tmp_path, text))


def test_a_site_of_v3_needs_a_token(tmp_path: Path) -> None:
    site = '[[sources]]\nname = "ns"\nwearer = "A"\nkind = "nightscout"\nurl = "x.org"\napi = "v3"'
    assert "v3 needs an access token" in problems(tmp_path, SMALLEST + site)[0]


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is missing: copy the example"):
        load(tmp_path / "none.toml", {})


def test_simulating_needs_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.settings_file.DEFAULT_CONFIG", tmp_path / "none.toml")
    found = load(None, {"CGM_EDGE_BROKER_PORT": "1999"}, simulated=True)
    assert (found.node, found.broker.host, found.broker.port) == ("simulated", "localhost", 1999)
    assert [source.kind for source in found.sources] == ["simulated"]


def test_simulating_with_settings_keeps_the_broker_and_leaves_the_sources(tmp_path: Path) -> None:
    found = load(written(tmp_path, example_free_of_secrets()), {}, simulated=True)
    assert (found.node, found.broker.host) == ("bedroom-pi", "homeassistant.local")
    assert [source.name for source in found.sources] == ["simulated"]


def example_free_of_secrets() -> str:
    return example_text().replace("password_file", "# password_file")


# Secrets.


def test_a_secret_file_of_everybodys_is_refused(tmp_path: Path) -> None:
    secret_file(tmp_path, mode=0o604)
    text = SMALLEST.replace('"broker"', '"broker"\nusername = "u"\npassword_file = "word"')
    (problem,) = problems(tmp_path, text)
    assert problem.startswith("broker.password_file: ")
    assert "can be read by everybody: chmod 600" in problem


def test_settings_with_a_secret_in_them_must_not_be_everybodys(tmp_path: Path) -> None:
    text = SMALLEST.replace('"broker"', f'"broker"\nusername = "u"\npassword = "{SECRET}"')
    assert load(written(tmp_path, text, 0o600), {}).broker.password == SECRET
    with pytest.raises(SettingsError, match=r"holds secrets \(broker.password\)") as refused:
        load(written(tmp_path, text, 0o644), {})
    assert SECRET not in str(refused.value)


def test_settings_without_a_secret_may_be_everybodys(tmp_path: Path) -> None:
    assert load(written(tmp_path, SMALLEST, 0o644), {}).node == "pi"


def test_a_secret_is_given_once(tmp_path: Path) -> None:
    secret_file(tmp_path)
    text = SMALLEST.replace('"broker"', '"b"\nusername="u"\npassword="p"\npassword_file="word"')
    assert "not both" in problems(tmp_path, text)[0]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 5000])
def test_a_secret_file_holds_one_secret(tmp_path: Path, content: bytes) -> None:
    secret_file(tmp_path).write_bytes(content)
    text = SMALLEST.replace('"broker"', '"b"\nusername = "u"\npassword_file = "word"')
    assert problems(tmp_path, text)[0].startswith("broker.password_file: ")


def test_systemds_credentials_come_before_files(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    secret_file(credentials, "secrets_broker", 0o400)
    text = SMALLEST.replace('"broker"', '"b"\nusername = "u"\npassword_file = "secrets/broker"')
    found = loaded(tmp_path, text, {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert found.broker.password == SECRET


def test_no_secret_is_in_what_settings_show(tmp_path: Path) -> None:
    text = f"""
node = "pi"
[broker]
host = "b"
username = "u"
password = "{SECRET}"
[pairing]
key = "{SECRET}"
[[sources]]
name = "anna-d"
wearer = "Anna"
kind = "dexcom"
username = "{SECRET}"
password = "{SECRET}"
region = "us"
"""
    shown = repr(loaded(tmp_path, text))
    assert SECRET not in shown
    assert "anna" not in shown.lower()


def test_a_pairing_key_is_its_texts_bytes(tmp_path: Path) -> None:
    secret_file(tmp_path, "key").write_text("0123-abcd \n", encoding="utf-8")
    found = loaded(tmp_path, SMALLEST + '[pairing]\nkey_file = "key"\n')
    assert found.pairing_key == b"0123-abcd"


# Environment.


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    secret_file(tmp_path)
    text = SMALLEST.replace('"sim"', '"anna-sim"').replace(
        '"broker"', '"b"\nusername = "u"\npassword_file = "missing"'
    )
    found = loaded(
        tmp_path,
        text,
        {
            "CGM_EDGE_NODE": "other",
            "CGM_EDGE_CONFIG": "not a setting",
            "CGM_EDGE_BROKER_PORT": "2000",
            "CGM_EDGE_BROKER_TLS": "yes",
            "CGM_EDGE_BROKER_PASSWORD": "12345",
            "CGM_EDGE_SOURCE_ANNA_SIM_SEED": "7",
            "CGM_EDGE_SOURCE_ANNA_SIM_STARTED_AT": "2026-11-20T08:00:00+01:00",
        },
    )
    assert (found.node, found.broker.port, found.broker.tls) == ("other", 2000, True)
    assert found.broker.password == "12345"
    assert found.sources[0].account["seed"] == 7
    assert found.sources[0].account["started_at"] == "2026-11-20T07:00:00+00:00"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CGM_EDGE_BROKER_PORT", "many", "broker.port: the broker's port"),
        ("CGM_EDGE_BROKER_TLS", "perhaps", "broker.tls: whether"),
        ("CGM_EDGE_BROKR_HOST", "x", "CGM_EDGE_BROKR_HOST: the environment has no such setting"),
        ("CGM_EDGE_SOURCE_NOBODY_SEED", "1", "CGM_EDGE_SOURCE_NOBODY_SEED: the environment"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, variable: str, value: str, said: str) -> None:
    assert problems(tmp_path, SMALLEST, {variable: value})[0].startswith(said)


def test_every_setting_has_one_variable() -> None:
    found = list(variables())
    tables = [GENERAL, *TABLES.values()]
    assert len(set(found)) == len(found) == sum(len(with_files(table)) for table in tables)


def test_the_state_lies_where_a_user_may_write() -> None:
    assert default_state({"STATE_DIRECTORY": "/var/lib/x"}) == Path("/var/lib/x")


def test_an_ordinary_users_state_lies_in_their_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_state({"XDG_STATE_HOME": "/x"}) == Path("/x/cgm-edge-agent")


# Anything at all.

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TABLE_NAMES = st.sampled_from([*TABLES, *GENERAL, "sources", "x"])


def texts_of(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for inner in value.values() for text in texts_of(inner)]
        case list():
            return [text for inner in value for text in texts_of(inner)]
        case _:
            return []


@hypothesis_settings(max_examples=200, deadline=None)
@given(
    raw=st.dictionaries(
        TABLE_NAMES,
        ANYTHING
        | st.dictionaries(st.sampled_from([*TABLES["broker"], "key", "port"]), ANYTHING)
        | st.lists(
            st.dictionaries(st.sampled_from([*EVERY_SOURCE, "kind", "seed", "url"]), ANYTHING),
            max_size=3,
        ),
    )
)
def test_whatever_the_file_holds_only_a_settings_error_comes_of_it(raw: dict[str, object]) -> None:
    reader = SettingsReader(None, raw, {}, SecretFiles(Path("/nonexistent"), {}))
    with pytest.raises(SettingsError) as refused:
        reader.settings()
    assert refused.value.problems
