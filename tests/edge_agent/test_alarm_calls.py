"""The stand-in on readings of its own: real calls over HTTP, by a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from edge_agent import caller, stand_in
from edge_agent.outbox import Outbox
from edge_agent.settings import CallSettings, SourceSettings
from edge_agent.stand_in import CALLS_FILE, Home, StandIn
from edge_agent.trial_call import called_for_trial, look_at_call
from fakes.callee import HOOK, TOPIC, Callee
from fakes.serving import Handler, connection_reset, never_answers, status
from glucose.errors import StoreUnavailable
from glucose.reading import Bound, Kind, Reading
from glucose.trend import Trend
from glucose.wire import Ack

NIGHT = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SOURCES = tuple(
    SourceSettings(number=number, name=name, wearer=wearer, kind="nightscout", account={})
    for number, (name, wearer) in enumerate(
        [("annas-site", "Anna"), ("bens-site", "Ben"), ("annas-phone", "Anna")], 1
    )
)


def reading(at: datetime, mg_dl: int, source: str = "annas-site", **more: object) -> Reading:
    low = Reading(time=at, mg_dl=mg_dl, source=source, series="live", kind=Kind.CGM)
    return replace(low, **more)  # type: ignore[arg-type]  # whatever a reading has


@dataclass
class Night:
    """One night by a hand-moved clock, with a real outbox that Home Assistant may acknowledge."""

    folder: Path
    callee: Callee
    call: CallSettings
    now: datetime = NIGHT
    elapsed: float = 100.0
    reached: bool = True
    broken: bool = False
    outbox: Outbox = field(init=False)
    stand_in: StandIn = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.folder / "outbox.db", clock=lambda: self.now)
        self.outbox.open()
        self.stand_in = self.made()

    def made(self) -> StandIn:
        return StandIn(
            self.call,
            SOURCES,
            self.folder,
            home=Home(is_reached=lambda: self.reached, has=self._has),
            cadences=lambda: {one.name: timedelta(minutes=5) for one in SOURCES},
            clock=lambda: self.now,
            elapsed=lambda: self.elapsed,
        )

    def _has(self, row: Reading) -> bool:
        if self.broken:
            raise StoreUnavailable("the outbox cannot be read")
        return self.outbox.is_taken(row)

    async def restart(self) -> None:
        self.stand_in = self.made()
        await self.stand_in.load()

    async def measured(self, mg_dl: int, source: str = "annas-site", **more: object) -> None:
        row = reading(self.now, mg_dl, source, **more)
        self.stand_in.heard([row])
        self.outbox.add([row])
        await self.stand_in.look()

    def acknowledged(self) -> None:
        live = self.outbox.live()
        assert live is not None
        self.outbox.acked(Ack(store_id="home", epoch=live.epoch, seq=live.last))

    async def passed(self, minutes: float, step: float = 1.0) -> None:
        for _ in range(round(minutes / step)):
            self.now += step * MINUTE
            self.elapsed += step * 60
            await self.stand_in.look()

    async def low_night(self, minutes: int, mg_dl: int = 50) -> None:
        """Have a low measured every five minutes, of which Home Assistant hears nothing."""
        for _ in range(minutes // 5):
            await self.measured(mg_dl)
            await self.passed(5)


@pytest.fixture
def callee() -> Callee:
    return Callee()


@pytest.fixture
async def night(tmp_path: Path, callee: Callee) -> AsyncIterator[Night]:
    async with callee.serving() as url:
        call = CallSettings(webhook=url + HOOK, ntfy=f"{url}/{TOPIC}", ntfy_token="a-token")
        night = Night(tmp_path, callee, call)
        yield night
        night.outbox.close()


async def test_a_low_that_home_assistant_does_not_take_calls_after_five_minutes(
    night: Night,
) -> None:
    await night.measured(50, trend=Trend.DOWN)
    await night.passed(4.5, 0.5)
    assert night.callee.log == []
    await night.passed(0.5, 0.5)
    (called,) = night.callee.called
    assert called == {
        "event": "call",
        "alarm": "urgent_low",
        "text": "Person 1: urgent low, 50 mg/dL. ↓ Measured 5 min ago."
        " Home Assistant has not answered for 5 min.",
        "wearer": None,
        "wearer_number": 1,
        "value": 50,
        "bound": None,
        "unit": "mg/dL",
        "trend": "down",
        "age_minutes": 5,
        "calls": 0,
    }
    (published,) = night.callee.published
    assert published == {
        "topic": TOPIC,
        "title": "Urgent low: Person 1",
        "message": called["text"],
        "priority": 5,
        "tags": ["rotating_light"],
    }
    (at_ntfy,) = [one for one in night.callee.log if one.path == "/"]
    assert at_ntfy.headers["Authorization"] == "Bearer a-token"
    assert "Authorization" not in night.callee.asked(HOOK)[0].headers


async def test_what_home_assistant_takes_in_time_calls_nobody(night: Night) -> None:
    for _ in range(12):
        await night.measured(48)
        await night.passed(2)
        night.acknowledged()
        await night.passed(3)
    assert night.callee.log == []


@pytest.mark.parametrize(("mg_dl", "bound"), [(54, None), (39, Bound.LOW), (400, Bound.HIGH)])
async def test_only_an_urgent_low_calls(night: Night, mg_dl: int, bound: Bound | None) -> None:
    await night.measured(mg_dl, bound=bound)
    await night.passed(10)
    assert bool(night.callee.log) is (mg_dl == 39)


async def test_an_old_low_that_comes_late_calls_nobody(night: Night) -> None:
    night.stand_in.heard([reading(night.now - 90 * MINUTE, 45), reading(night.now, 110)])
    await night.passed(20)
    assert night.callee.log == []


async def test_it_repeats_every_five_minutes_up_to_the_most_and_says_when_it_is_over(
    night: Night,
) -> None:
    night.call = replace(night.call, most_calls=3)
    await night.restart()
    await night.low_night(60)
    assert night.callee.events == ["call"] * 3
    texts = [str(one["text"]) for one in night.callee.called]
    assert "Person 1: still urgent low, 50 mg/dL." in texts[1]
    at = [one.at for one in night.callee.asked(HOOK)]
    assert at == sorted(at)
    await night.measured(75)
    assert night.callee.events == ["call"] * 3 + ["over"]
    over = night.callee.called[-1]
    assert over["text"] == "Person 1: over: urgent low, 75 mg/dL, lowest 50."
    assert night.callee.published[-1]["priority"] == 3
    await night.passed(30)
    assert len(night.callee.called) == 4


async def test_a_home_that_returns_is_said_and_takes_over(night: Night) -> None:
    await night.low_night(10)
    assert night.callee.events == ["call", "call"]
    await night.measured(49)
    night.acknowledged()
    await night.passed(1)
    assert night.callee.events[2:] == ["back"]
    assert "answers again" in str(night.callee.called[-1]["text"])
    await night.passed(4)
    await night.measured(90)
    await night.passed(5)
    assert len(night.callee.events) == 3


async def test_a_home_that_took_the_low_and_then_died_calls_too(night: Night) -> None:
    await night.measured(48)
    night.acknowledged()
    await night.passed(2)
    night.reached = False
    await night.passed(5)
    assert night.callee.events == []
    await night.passed(1)
    assert night.callee.events == ["call"]


async def test_a_home_that_has_been_away_is_not_waited_for(night: Night) -> None:
    night.reached = False
    await night.measured(100)
    await night.passed(30)
    await night.measured(52)
    assert night.callee.events == ["call"]


async def test_data_that_stop_in_a_low_are_told_as_last_known(night: Night) -> None:
    await night.measured(51)
    await night.passed(15)
    last = str(night.callee.called[-1]["text"])
    assert "last known 51 mg/dL, no data for 15 minutes" in last


async def test_each_wearer_has_calls_of_their_own_and_any_source_of_theirs_raises(
    night: Night,
) -> None:
    night.call = replace(night.call, names=True, language="de", unit="mmol/L", ntfy=None)
    await night.restart()
    await night.measured(45, "annas-phone")
    await night.measured(120, "bens-site")
    await night.passed(6)
    (called,) = night.callee.called
    assert (called["wearer"], called["value"]) == ("Anna", 2.5)
    assert str(called["text"]).startswith("Anna: dringend niedrig, 2,5 mmol/L.")
    assert night.callee.published == []
    await night.measured(50, "bens-site")
    await night.passed(5)
    assert {one["wearer"] for one in night.callee.called[1:]} == {"Anna", "Ben"}


async def test_a_threshold_of_ones_own_is_kept(night: Night) -> None:
    night.call = replace(night.call, urgent_low_mg_dl=65)
    await night.restart()
    await night.measured(64)
    await night.passed(6)
    assert night.callee.events == ["call"]


async def test_a_call_that_fails_is_tried_again_with_growing_pauses_and_said_once(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "edge_agent")
    night.callee.fail(status(500), path=HOOK)
    night.callee.fail(connection_reset, path="/")
    await night.measured(50)
    await night.passed(5)
    tries = len(night.callee.asked(HOOK))
    assert night.stand_in.calling == 1
    assert night.stand_in.problems[1:] == ("nobody can be called by webhook: answers 500",)
    await night.passed(10, 1 / 12)
    # 5, 10, 20, 40, 80, 160, 300 s of pause.
    assert 6 <= len(night.callee.asked(HOOK)) - tries <= 8
    said = [one.message for one in caplog.records if one.levelno == logging.ERROR]
    assert len(said) == 2
    assert "ntfy: cannot be reached (" in " ".join(said)
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("edge_agent")]
    everything = str(ours) + str(night.stand_in.problems)
    for secret in (HOOK, TOPIC, "a-token", "127.0.0.1", "Anna"):
        assert secret not in everything
    night.callee.heal()
    await night.passed(6)
    assert night.stand_in.problems == ()
    assert night.callee.published[-1]["topic"] == TOPIC
    assert "50 mg/dL" in str(night.callee.called[-1]["text"])


async def test_a_redirect_is_no_call(night: Night) -> None:
    async def moved(_request: web.Request, _handler: Handler) -> web.Response:
        return web.Response(status=307, headers={"Location": HOOK})

    night.callee.fail(moved, path=HOOK, times=1)
    await night.measured(50)
    await night.passed(5)
    assert night.stand_in.problems == ("nobody can be called by webhook: answers 307",)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((48, 51, 54, 57, 58), [0, 0, 1, 1, 2]),
        # On its way up, but not above 54: nothing is held back.
        ((40, 44, 48, 52, 53), [0, 0, 1, 2, 3]),
    ],
)
async def test_repeats_pause_while_glucose_recovers(
    night: Night, values: tuple[int, ...], expected: list[int]
) -> None:
    night.call = replace(night.call, after_minutes=6)
    await night.restart()
    calls = []
    for mg_dl in values:
        await night.measured(mg_dl)
        calls.append(len(night.callee.called))
        await night.passed(5)
    assert calls == expected


async def test_who_never_answers_is_not_waited_for(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "SECONDS", 0.2)
    night.callee.fail(never_answers, path=HOOK)
    await night.measured(50)
    await night.passed(5)
    assert night.stand_in.problems == ("nobody can be called by webhook: no answer in time",)
    assert len(night.callee.published) == 1


async def test_one_way_that_works_counts_and_the_other_follows(night: Night) -> None:
    night.callee.fail(status(503), path=HOOK, times=2)
    await night.measured(50)
    await night.passed(6, 1 / 12)
    assert len(night.callee.published) == 1
    assert len(night.callee.asked(HOOK)) == 3
    await night.passed(2)
    assert len(night.callee.published) == 1


async def test_a_restart_neither_forgets_nor_calls_twice(night: Night) -> None:
    await night.measured(50)
    await night.passed(6)
    assert night.callee.events == ["call"]
    assert CALLS_FILE in {path.name for path in night.folder.iterdir()}
    assert (night.folder / CALLS_FILE).stat().st_mode & 0o077 == 0
    await night.restart()
    await night.passed(1)
    assert night.callee.events == ["call"]
    await night.passed(5)
    assert night.callee.events == ["call", "call"]
    night.now += 3 * MINUTE
    await night.restart()
    await night.measured(95)
    assert night.callee.events == ["call", "call", "over"]
    await night.restart()
    await night.passed(10)
    assert len(night.callee.events) == 3


async def test_waiting_goes_on_over_restarts(night: Night) -> None:
    await night.measured(50)
    for _ in range(6):
        await night.passed(1)
        await night.restart()
        await night.stand_in.look()
    assert night.callee.events == ["call"]


@pytest.mark.parametrize("damage", ["", "{}", '{"format": 1, "wearers": {"Anna": {}}}', "[1]"])
async def test_a_damaged_memory_is_begun_anew(night: Night, damage: str) -> None:
    (night.folder / CALLS_FILE).write_text(damage, encoding="utf-8")
    await night.restart()
    await night.measured(50)
    await night.passed(5)
    assert night.callee.events == ["call"]


async def test_damaged_values_of_a_plan_are_refused(night: Night) -> None:
    await night.measured(50)
    await night.passed(5)
    path = night.folder / CALLS_FILE
    kept = json.loads(path.read_text(encoding="utf-8"))
    wrongs: list[tuple[str, object]] = [("owed", "ntfy"), ("calls", "many"), ("word", "shout")]
    for key, wrong in (*wrongs, ("away", -1), ("calls", float("inf"))):
        plan = {**kept["wearers"]["Anna"]["plan"], key: wrong}
        one = {**kept["wearers"]["Anna"], "plan": plan}
        path.write_text(json.dumps({**kept, "wearers": {"Anna": one}}), encoding="utf-8")
        await night.restart()
        assert not night.stand_in.calling
    path.write_text(json.dumps({**kept, "format": 2}), encoding="utf-8")
    await night.restart()
    assert not night.stand_in.calling


async def test_a_full_disk_and_a_broken_outbox_keep_nobody_from_being_called(
    night: Night, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge_agent.call_memory.NamedTemporaryFile", full)
    night.broken = True
    night.stand_in.heard([reading(night.now, 50)])
    await night.passed(6)
    assert night.callee.events == ["call"]
    assert caplog.text.count("cannot be kept: OSError") == 1


async def eventually(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        # Nothing tells when the stand-in has looked.
        while not true():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


async def test_it_looks_by_itself_and_at_once_where_readings_come(
    night: Night, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stand_in, "SETTLES_WITHIN", 0.0)
    monkeypatch.setattr(stand_in, "LOOK_SOON", 0.01)
    night.call = replace(night.call, after_minutes=1)
    night.stand_in = night.made()
    faults = iter([True, False])
    is_reached = night.stand_in._home.is_reached  # noqa: SLF001 - a fault from within

    def failing() -> bool:
        if next(faults, False):
            raise RuntimeError("secret words")
        return is_reached()

    night.stand_in._home = replace(night.stand_in._home, is_reached=failing)  # noqa: SLF001 - as above
    running = asyncio.create_task(night.stand_in.run())
    await eventually(lambda: "please report: RuntimeError" in caplog.text)
    kept = night.folder / CALLS_FILE
    night.stand_in.heard([reading(night.now, 50)])
    await eventually(lambda: kept.exists() and "50" in kept.read_text(encoding="utf-8"))
    night.elapsed += 61
    await eventually(lambda: night.callee.called)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "secret words" not in caplog.text


async def test_a_trial_says_what_it_is_and_whether_it_got_through(night: Night) -> None:
    lines = [one.line async for one in called_for_trial(night.call, dry_run=False)]
    assert [line[:4] for line in lines] == ["ok  ", "ok  "]
    assert night.callee.called == [
        {
            "event": "test",
            "text": "This is a test of the edge agent's call. Nothing is wrong.",
        }
    ]
    assert night.callee.published[0]["priority"] == 5
    night.callee.fail(status(403), path=HOOK)
    lines = [one.line async for one in called_for_trial(night.call, dry_run=False)]
    assert "FAIL webhook: answers 403. Next: look at call.webhook and the network" in lines
    before = len(night.callee.log)
    lines = [one.line async for one in called_for_trial(night.call, dry_run=True)]
    assert len(night.callee.log) == before
    assert lines == ["ok   ntfy: would be called", "ok   webhook: would be called"]


def test_the_doctor_tells_what_is_set_up_and_no_address() -> None:
    private = CallSettings(webhook="https://example.org/secret")
    assert look_at_call(private).line == (
        "ok   call: by webhook after 5 min without Home Assistant; `test-call` tries it"
    )
    assert "without encryption" in look_at_call(CallSettings(ntfy="http://host/topic")).line
