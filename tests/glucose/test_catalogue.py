"""Every kind of source is built from stored settings, without I/O, or refused as it should be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from fakes.dexcom_share import FakeDexcomShare
from fakes.librelinkup import FakeLibreLinkUp, FakePatient, addresses
from fakes.nightscout import FakeNightscout, Role, entry
from glucose.errors import ClientVersionRefused, CredentialsRejected, SourceUnreachable
from glucose.sources import catalogue
from glucose.sources.catalogue import Tools, build_account

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

DEXCOM = {"kind": "dexcom", "username": "wearer@example.invalid", "password": "right-password-1"}
LIBRE = {"kind": "librelinkup", "email": "carer@example.org", "password": "correct horse"}


@pytest.fixture
async def tools() -> Tools:
    """Return tools whose session must never be used."""
    async with aiohttp.ClientSession() as session:
        pass
    return tools_with(session)


def tools_with(session: aiohttp.ClientSession) -> Tools:
    return Tools(session=session, run=asyncio.to_thread, clock=lambda: NOW, elapsed=lambda: 100.0)


@pytest.mark.parametrize(
    ("settings", "cadence"),
    [
        ({**DEXCOM, "region": "ous"}, 5),
        (LIBRE, 1),
        ({**LIBRE, "client_version": "4.20.0"}, 1),
        ({"kind": "nightscout", "url": "https://example.org"}, 5),
        ({"kind": "nightscout", "url": "https://example.org", "api": "phone", "secret": ""}, 5),
        ({"kind": "simulated"}, 5),
        ({"kind": "simulated", "cadence_minutes": "1", "seed": 4, "time_zone": "Asia/Tokyo"}, 1),
        ({"kind": "replay", "file": "nowhere.csv", "started_at": NOW.isoformat()}, 5),
        ({"kind": "simulated", "rank": 3.0, "what else there may be": None}, 5),
    ],
)
async def test_each_kind_is_built_without_asking_anybody(
    tools: Tools, settings: dict[str, object], cadence: int
) -> None:
    account = build_account(settings, tools)
    assert account.cadence == timedelta(minutes=cadence)
    assert account.guard.may_ask_in == timedelta()


@pytest.mark.parametrize(
    "settings",
    [
        DEXCOM,
        {**DEXCOM, "region": "moon"},
        {**LIBRE, "client_version": "new"},
        {"kind": "nightscout", "url": "no address"},
        {"kind": "nightscout", "url": "https://example.org", "api": "v4"},
        {"kind": "simulated", "seed": "seven"},
        {"kind": "simulated", "cadence_minutes": "0"},
        {"kind": "replay", "file": "x.csv", "started_at": "yesterday"},
        {"kind": "replay", "file": "x.csv", "started_at": NOW.isoformat(), "speed": "0"},
        {"kind": "replay", "file": "x.csv", "started_at": "2026-11-20T12:00:00"},
    ],
)
async def test_settings_that_cannot_be_are_refused(
    tools: Tools, settings: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r".+"):
        build_account(settings, tools)


async def test_an_unknown_kind_or_zone_is_a_key_error(tools: Tools) -> None:
    with pytest.raises(KeyError):
        build_account({"kind": "carrier pigeon"}, tools)
    with pytest.raises(KeyError):
        build_account({"kind": "simulated", "time_zone": "Mars/Olympus"}, tools)


@pytest.mark.parametrize(
    "settings",
    [{**DEXCOM, "region": "us"}, LIBRE, {"kind": "nightscout", "url": "https://example.org"}],
)
async def test_a_refusal_is_carried_over_a_restart(
    tools: Tools, settings: dict[str, object]
) -> None:
    account = build_account(settings, tools, refused=True)
    with pytest.raises(CredentialsRejected) as refusal:
        await account.wearers()
    assert refusal.value.confirmed


async def test_dexcom_s_settings_reach_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeDexcomShare(clock=lambda: NOW)
    async with fake.serving() as url, aiohttp.ClientSession() as session:
        monkeypatch.setattr(catalogue, "DEXCOM_URL", fake.base_url(url))
        account = build_account({**DEXCOM, "region": "us"}, tools_with(session))
        (wearer,) = await account.wearers()
    assert wearer.id == fake.publisher.id


async def test_libre_s_settings_reach_its_server_the_version_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeLibreLinkUp(clock=lambda: NOW)
    ada = fake.follow(FakePatient(given="Ada", family="Example"))
    fake.floor = "4.99.0"
    async with fake.serving() as url, aiohttp.ClientSession() as session:
        monkeypatch.setattr(catalogue, "LIBRELINKUP_ADDRESS", addresses(url))
        with pytest.raises(ClientVersionRefused):
            await build_account(LIBRE, tools_with(session)).wearers()
        newer = {**LIBRE, "client_version": "4.99.0"}
        (wearer,) = await build_account(newer, tools_with(session)).wearers()
    assert wearer.id == ada.id


async def test_nightscout_s_settings_reach_its_site() -> None:
    site = FakeNightscout(clock=lambda: NOW)
    site.default_role = Role.DENIED
    site.put(entry(NOW, 120))
    async with site.serving() as url, aiohttp.ClientSession() as session:
        settings = {"kind": "nightscout", "url": url, "secret": site.api_secret}
        account = build_account(settings, tools_with(session))
        (wearer,) = await account.wearers()
        answer = await account.readings(wearer.id, "site", NOW - timedelta(hours=1))
    assert [reading.mg_dl for reading in answer.readings] == [120]


async def test_a_simulated_wearer_is_who_its_seed_says(tools: Tools) -> None:
    first, again, other = (
        build_account({"kind": "simulated", "seed": s}, tools) for s in (3, "3", 4)
    )
    (wearer,) = await first.wearers()
    (stranger,) = await other.wearers()
    since = NOW - timedelta(hours=1)
    answers = [await one.readings(wearer.id, "s", since) for one in (first, again)]
    assert answers[0] == answers[1]
    assert answers[0] != await other.readings(stranger.id, "s", since)


async def test_a_replay_plays_the_file(tools: Tools, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    settings = {
        "kind": "replay",
        "file": str(file),
        "time_zone": "Europe/Berlin",
        "started_at": NOW.isoformat(),
        "speed": "2",
    }
    with pytest.raises(SourceUnreachable):
        await build_account(settings, tools).wearers()
    file.write_text(clarity())
    account = build_account(settings, tools)
    (wearer,) = await account.wearers()
    answer = await account.readings(wearer.id, "r", NOW - timedelta(days=1))
    assert [reading.mg_dl for reading in answer.readings] == [100, 101, 102, 103]
    assert answer.readings[-1].time == NOW
    assert account.cadence == timedelta(minutes=2.5)


def clarity() -> str:
    """Return a made-up export in Clarity's form: seven readings, five minutes apart."""
    head = (
        "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,Device Info,"
        "Source Device ID,Glucose Value (mg/dL),Insulin Value (u),Carb Value (grams),"
        "Duration (hh:mm:ss),Glucose Rate of Change (mg/dL/min),Transmitter Time (Long Integer),"
        "Transmitter ID\n"
    )
    rows = [
        f"{n + 1},2024-02-01T08:{5 * n:02}:00,EGV,,,,Android G6,{100 + n},,,,,{300 * n},8XXXXX\n"
        for n in range(7)
    ]
    return head + "".join(rows)


async def test_a_simulated_wearer_looked_at_has_no_gap_around_the_start(tools: Tools) -> None:
    for seed in range(20):
        settings = {
            "kind": "simulated",
            "seed": seed,
            "time_zone": "Europe/Berlin",
            "started_at": (NOW - timedelta(minutes=20)).isoformat(),
        }
        account = build_account(settings, tools)
        (wearer,) = await account.wearers()
        answer = await account.readings(wearer.id, "s", NOW - timedelta(minutes=40))
        assert len(answer.readings) >= 7
        assert NOW - answer.readings[-1].time < timedelta(minutes=6)


@pytest.mark.parametrize(
    ("added", "night"),
    [
        # In winter Berlin's three o'clock is two in UTC.
        ("2026-02-28T19:00:00+00:00", "2026-03-01T02:00:00+00:00"),
        ("2026-03-01T00:59:00+00:00", "2026-03-01T02:00:00+00:00"),
        ("2026-03-01T01:00:00+00:00", "2026-03-02T02:00:00+00:00"),
        ("2026-03-01T11:00:00+00:00", "2026-03-02T02:00:00+00:00"),
    ],
)
async def test_a_simulated_wearer_has_the_low_that_was_asked_for_in_the_first_night(
    tools: Tools, added: str, night: str
) -> None:
    low = datetime.fromisoformat(night)
    after = replace(tools, clock=lambda: low + timedelta(days=2))
    for seed in range(20):
        settings = {
            "kind": "simulated",
            "seed": seed,
            "time_zone": "Europe/Berlin",
            "started_at": added,
        }
        asked = build_account({**settings, "low_first_night": True}, after)
        usual = build_account({**settings, "low_first_night": False}, after)
        (wearer,) = await asked.wearers()
        readings = (await asked.readings(wearer.id, "s", low - timedelta(days=1))).readings
        others = (await usual.readings(wearer.id, "s", low - timedelta(days=1))).readings
        inside = [one.mg_dl for one in readings if low <= one.time <= low + timedelta(minutes=30)]
        assert len(inside) >= 6
        assert max(inside) < 54
        # All else is as it was, up to the arrows that look back to the way up.
        way = timedelta(minutes=90)
        outside = [
            [one for one in some if not low - way <= one.time <= low + way]
            for some in (readings, others)
        ]
        assert outside[0] == outside[1]
