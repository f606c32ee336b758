"""Whom to call: what of it is read, what is refused, and that nothing of it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.settings import CallSettings, Settings, SettingsError
from edge_agent.settings_file import load

SMALLEST = 'node = "pi"\n[[sources]]\nname = "s"\nwearer = "Anna"\nkind = "simulated"\n'
SECRET = "a-long-secret-word"


def loaded(folder: Path, call: str, **environment: str) -> Settings:
    path = folder / "config.toml"
    path.write_text(f'{SMALLEST}[broker]\nhost = "broker"\n{call}', encoding="utf-8")
    path.chmod(0o600)
    return load(path, environment)


def test_nobody_is_called_unless_set(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").call is None


def test_an_address_is_enough(tmp_path: Path) -> None:
    found = loaded(tmp_path, f'[call]\nntfy = "https://ntfy.sh/{SECRET}/"')
    assert found.call == CallSettings(ntfy=f"https://ntfy.sh/{SECRET}")
    assert SECRET not in repr(found)


def test_everything_can_be_set_and_secrets_lie_in_files(tmp_path: Path) -> None:
    for name in ("hook", "topic", "token"):
        address = SECRET if name == "token" else f"http://10.0.0.2:8080/{SECRET}"
        (tmp_path / name).write_text(address + "\n", encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    found = loaded(
        tmp_path,
        '[call]\nwebhook_file = "hook"\nntfy_file = "topic"\nntfy_token_file = "token"\n'
        "after_minutes = 15\nmost_calls = 3\nurgent_low_mg_dl = 60\nnames = true\n"
        'unit = "mmol/L"\nlanguage = "de"',
        CGM_EDGE_CALL_AFTER_MINUTES="10",
    )
    assert found.call == CallSettings(
        webhook=f"http://10.0.0.2:8080/{SECRET}",
        ntfy=f"http://10.0.0.2:8080/{SECRET}",
        ntfy_token=SECRET,
        after_minutes=10,
        most_calls=3,
        urgent_low_mg_dl=60,
        names=True,
        unit="mmol/L",
        language="de",
    )


WEBHOOK = "call.webhook: allowed: an address with http:// or https://, without user name"
NTFY = "call.ntfy: allowed: a topic's address, such as https://ntfy.sh/a-long-secret-word"


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (f'webhook = "ftp://host/{SECRET}"', WEBHOOK),
        (f'webhook = "https://user:{SECRET}@host/"', WEBHOOK),
        (f'webhook = "https://host:none/{SECRET}"', WEBHOOK),
        (f'webhook = "https://host/{SECRET}#end"', WEBHOOK),
        ('webhook = "   "', WEBHOOK),
        ('ntfy = "https://ntfy.sh/"', NTFY),
        (f'ntfy = "https://ntfy.sh/{SECRET}/more"', NTFY),
        (f'ntfy = "https://ntfy.sh/{SECRET}?x=1"', NTFY),
        (
            f'webhook = "https://host/"\nntfy_token = "{SECRET}"',
            "call.ntfy is missing: there is a token for it",
        ),
        ("names = true", "call: give webhook or ntfy, or leave out all of it"),
    ],
)
def test_what_is_wrong_is_named_and_never_shown(tmp_path: Path, call: str, problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(tmp_path, f"[call]\n{call}")
    assert refused.value.problems == [problem]


@pytest.mark.parametrize(
    "call", ["after_minutes = 0", "most_calls = 0", "urgent_low_mg_dl = 70", 'language = "fr"']
)
def test_bounds_are_kept(tmp_path: Path, call: str) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(tmp_path, f'[call]\nwebhook = "https://host/"\n{call}')
    (problem,) = refused.value.problems
    assert problem.startswith(f"call.{call.split(maxsplit=1)[0]}: ")
