"""One source at run time: against a real site whose clock and ours are moved by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from edge_agent.memory import Memory
from edge_agent.poller import FIRST_REACH, LATE, LONGEST_ASK, Poller, chosen
from edge_agent.settings import SourceSettings
from edge_agent.source_state import PatientNeededError, SourceState
from fakes.hand_clock import HandClock
from fakes.nightscout import FakeNightscout, Role, entry
from fakes.serving import html_503
from glucose.clock_offset import ClockOffsets
from glucose.errors import SourceUnreachable, StoreUnavailable
from glucose.reading import Reading
from glucose.sources.catalogue import Tools, build_account
from glucose.sources.login import LoginGuard
from glucose.sources.recorded import RecordedAccount
from glucose.sources.replay import ReplaySettings
from glucose.sources.source import Account, Answer, VisibleWearer

CADENCE = timedelta(minutes=5)
DELAY = timedelta(seconds=20)
START = datetime(2026, 3, 4, 5, 0, 7, tzinfo=UTC)


@dataclass
class Disk:
    """Where readings are put; refuses while `full`."""

    full: bool = False
    kept: list[Reading] = field(default_factory=list)

    async def keep(self, readings: Sequence[Reading]) -> int:
        if self.full:
            raise StoreUnavailable("disk full")
        new = [reading for reading in readings if reading not in self.kept]
        self.kept += new
        return len(new)

    @property
    def times(self) -> list[datetime]:
        return [reading.time for reading in self.kept]


@dataclass
class Room:
    """A site with a reading each five minutes, and a poller whose clock is its own."""

    site: FakeNightscout
    world: HandClock
    ours: HandClock
    disk: Disk
    poller: Poller
    produced: list[datetime] = field(default_factory=list)

    def produce(self, begin: datetime, count: int) -> None:
        for number in range(count):
            time = begin + number * CADENCE
            self.produced.append(time)
            self.site.put(entry(time, 100 + number % 50), visible_at=time + DELAY)

    def state(self) -> SourceState:
        return self.poller.status.state

    def go(self, by: timedelta) -> None:
        self.world.go(by)
        self.ours.go(by)

    async def live(self, span: timedelta) -> int:
        """Let time pass, asking when the poller would; returns how often it asked."""
        end, asked = self.world.now + span, 0
        while self.world.now < end:
            await self.poller.ask()
            asked += 1
            self.go(self.poller.cadence.wait(self.ours.elapsed()))
        return asked


def source(**account: object) -> SourceSettings:
    settings = {"kind": "nightscout", "api": "v1", **account}
    return SourceSettings(
        number=1, name="anna-site", wearer="Anna", kind="nightscout", account=settings
    )


@asynccontextmanager
async def room(
    off: timedelta = timedelta(0),
    *,
    memory: Memory | None = None,
    secret: str = "",
    synchronised: bool | None = None,
    newest: datetime | None = None,
) -> AsyncIterator[Room]:
    """Give a room in which our clock is `off`."""
    world, ours = HandClock(START), HandClock(START + off)
    site = FakeNightscout(clock=world)
    disk = Disk()
    async with site.serving() as url, aiohttp.ClientSession() as session:
        tools = Tools(session=session, run=asyncio.to_thread, clock=ours, elapsed=ours.elapsed)
        settings = source(url=url, secret=secret)
        poller = Poller(
            settings,
            build_account(settings.account, tools),
            keep=disk.keep,
            memory=memory or Memory(None),
            offsets=ClockOffsets(ours, ours.elapsed),
            elapsed=ours.elapsed,
            synchronised=lambda: synchronised,
            newest=newest,
        )
        yield Room(site=site, world=world, ours=ours, disk=disk, poller=poller)


async def test_all_there_is_comes_first_then_each_reading_soon_after_it_is_there() -> None:
    async with room() as here:
        here.produce(START - timedelta(hours=3), 72)
        await here.live(timedelta(hours=2))
        arrived = [time for time in here.produced if time + DELAY < here.world.now - CADENCE]
        assert set(arrived) <= set(here.disk.times) <= set(here.produced)
        assert len(set(here.disk.times)) == len(here.disk.times)
        assert here.state() is SourceState.OK


async def test_a_new_source_is_asked_for_two_weeks() -> None:
    async with room() as here:
        here.produce(START - FIRST_REACH + CADENCE, 10)
        await here.poller.ask()
        assert here.disk.times == here.produced


@pytest.mark.parametrize("hours", [-3, 3], ids=["behind", "ahead"])
@pytest.mark.parametrize("dated", [True, False], ids=["dated", "undated"])
async def test_a_clock_three_hours_wrong_and_corrected_neither_loses_nor_invents(
    hours: int, *, dated: bool
) -> None:
    wrong = timedelta(hours=hours)
    async with room(wrong) as here:
        here.site.sends_date = dated
        here.produce(START - timedelta(hours=6), 12 * 12)
        await here.live(timedelta(hours=1))
        here.ours.set_wrong(-wrong)
        await here.live(timedelta(hours=4))
        here.go(CADENCE)
        await here.poller.ask()
        due = [time for time in here.produced if time + DELAY <= here.world.now]
        assert sorted(here.disk.times) == due
        assert here.state() is SourceState.OK
        assert here.poller.status.newest == due[-1]


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_wrong_clock_does_not_make_it_ask_more_often(hours: int) -> None:
    async with room() as right, room(timedelta(hours=hours)) as wrong:
        right.produce(START - timedelta(hours=1), 60)
        wrong.produce(START - timedelta(hours=1), 60)
        normal = await right.live(timedelta(hours=3))
        assert await wrong.live(timedelta(hours=3)) <= normal * 1.5


@pytest.mark.parametrize("hours", [-87_600, -3, 3, 87_600])
@pytest.mark.parametrize("dated", [True, False], ids=["dated", "undated"])
async def test_a_clock_set_forward_or_back_makes_it_neither_sleep_nor_spin(
    hours: int, *, dated: bool
) -> None:
    async with room() as here:
        here.site.sends_date = dated
        here.produce(START - timedelta(hours=2), 12 * 6)
        normal = await here.live(timedelta(hours=1))
        planned = here.poller.cadence.wait(here.ours.elapsed())
        here.ours.set_wrong(timedelta(hours=hours))
        assert here.poller.cadence.wait(here.ours.elapsed()) == planned
        assert here.poller.on_time
        for _ in range(2):
            assert 10 <= await here.live(timedelta(hours=1)) <= normal * 1.5
            here.go(CADENCE)
            await here.poller.ask()
            due = [time for time in here.produced if time + DELAY <= here.world.now]
            assert sorted(here.disk.times) == due
            here.ours.set_wrong(-timedelta(hours=hours))
            hours = 0


async def test_while_the_disk_refuses_readings_wait_and_then_are_put_away() -> None:
    async with room() as here:
        here.produce(START - timedelta(hours=1), 36)
        here.disk.full = True
        await here.live(timedelta(minutes=30))
        assert here.state() is SourceState.DISK_REFUSES
        assert here.poller.waiting >= 12
        assert here.disk.kept == []
        here.disk.full = False
        await here.live(timedelta(minutes=30))
        assert here.poller.waiting == 0
        assert here.state() is SourceState.OK
        assert set(here.disk.times) >= {t for t in here.produced if t < here.world.now - CADENCE}


async def test_after_an_outage_it_answers_again_and_nothing_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with room() as here:
        here.produce(START - timedelta(hours=1), 72)
        await here.live(timedelta(minutes=20))
        here.site.fail(html_503)
        await here.live(timedelta(hours=2))
        assert here.state() is SourceState.RETRYING
        here.site.heal()
        await here.live(timedelta(minutes=30))
        assert here.state() is SourceState.OK
        due = [time for time in here.produced if time + DELAY <= here.world.now - CADENCE]
        assert set(due) <= set(here.disk.times)
    said = [record.message for record in caplog.records if record.name == "edge_agent.poller"]
    assert len(said) == 2
    assert "cannot be read: SourceUnreachable" in said[0]
    assert said[1] == "Source 1 (nightscout) answers again"


async def test_a_login_refused_for_good_is_remembered_for_just_this_login(tmp_path: Path) -> None:
    path = tmp_path / "sources.json"
    memory = Memory(path)
    async with room(memory=memory, secret="wrong secret") as here:
        here.site.default_role = Role.DENIED
        await here.live(timedelta(minutes=30))
        assert here.poller.status.state is SourceState.WAITING_FOR_LOGIN
        account = here.poller.settings.account
    again = Memory(path)
    again.load()
    assert again.was_refused("anna-site", account)
    assert not again.was_refused("anna-site", {**account, "secret": "the right one"})
    assert not again.was_refused("other", account)
    assert "wrong secret" not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o077 == 0


async def test_what_was_learned_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "sources.json"
    memory = Memory(path)
    async with room(memory=memory) as here:
        here.produce(START - timedelta(hours=1), 60)
        await here.live(timedelta(hours=2))
        await here.poller.close()
        learned = here.poller.cadence.learned
    again = Memory(path)
    again.load()
    assert again.learned("anna-site") == learned


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 9}', "\x00"])
def test_a_damaged_memory_is_begun_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sources.json"
    path.write_text(content, encoding="utf-8")
    memory = Memory(path)
    memory.load()
    assert memory.learned("anna-site") is None


class Faulty:
    """An account that does what no account may, one thing after another."""

    cadence = CADENCE

    def __init__(self, *faults: Exception) -> None:
        self.guard = LoginGuard(lambda: 0.0)
        self._faults = list(faults)

    async def wearers(self) -> tuple[VisibleWearer, ...]:
        return (VisibleWearer("w", "Anna Example"),)

    async def readings(self, wearer: str, source: str, since: datetime) -> Answer:
        if self._faults:
            raise self._faults.pop(0)
        return Answer(readings=(Reading(time=START, mg_dl=100, source=source, series="s"),))


def faulty(account: Account, disk: Disk, clock: HandClock) -> Poller:
    return Poller(
        source(url="x.org"),
        account,
        keep=disk.keep,
        memory=Memory(None),
        offsets=ClockOffsets(clock, clock.elapsed),
        elapsed=clock.elapsed,
        synchronised=lambda: None,
    )


async def test_an_unexpected_exception_neither_ends_the_poller_nor_is_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    clock, disk = HandClock(START), Disk()
    account = Faulty(RuntimeError("Anna's token"), KeyError("Anna"), TimeoutError(), ValueError())
    poller = faulty(account, disk, clock)
    for _ in range(4):
        assert not await poller.ask()
        assert poller.status.state is SourceState.UNEXPECTED_ANSWER
        clock.go(poller.cadence.wait(clock.elapsed()))
    assert await poller.ask()
    assert len(disk.kept) == 1
    assert "Anna" not in caplog.text
    assert "RuntimeError" in caplog.text


async def test_the_endless_run_goes_on_after_every_kind_of_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, disk = HandClock(START), Disk()
    poller = faulty(Faulty(RuntimeError(), SourceUnreachable("down")), disk, clock)
    slept: list[float] = []
    done = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.go(timedelta(seconds=seconds))
        await asyncio.Event().wait() if disk.kept else None
        done.set()

    real = asyncio.sleep
    monkeypatch.setattr("edge_agent.poller.asyncio.sleep", sleep)
    task = asyncio.create_task(poller.run())
    while not disk.kept:
        await real(0)
    assert not task.done()
    assert len(slept) >= 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Hanging(Faulty):
    async def readings(self, wearer: str, source: str, since: datetime) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_poller_that_hangs_is_seen_and_one_that_waits_is_not() -> None:
    clock = HandClock(START)
    poller = faulty(Hanging(), Disk(), clock)
    task = asyncio.create_task(poller.ask())
    await asyncio.sleep(0.01)
    clock.go(timedelta(seconds=LONGEST_ASK))
    while_asking = poller.on_time
    clock.go(timedelta(seconds=LATE + 1))
    assert (while_asking, poller.on_time) == (True, False)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_of_several_people_the_one_in_the_settings_is_asked_for() -> None:
    seen = (VisibleWearer("1", "A"), VisibleWearer("2", "B"))
    assert chosen("2", seen).id == "2"
    assert chosen(None, seen[:1]).id == "1"


@pytest.mark.parametrize("patient", [None, "3"])
def test_nobody_is_asked_for_by_guess(patient: str | None) -> None:
    seen = (VisibleWearer("1", "Anna"), VisibleWearer("2", "Ben"))
    with pytest.raises(PatientNeededError) as needed:
        chosen(patient, seen)
    assert "Anna" not in str(needed.value)


@pytest.mark.parametrize("dated", [True, False], ids=["dated", "undated"])
async def test_a_reading_far_ahead_waits_for_its_time_and_is_then_kept(*, dated: bool) -> None:
    """Home Assistant would acknowledge nothing behind it until then."""
    async with room(synchronised=True) as here:
        here.site.sends_date = dated
        here.produce(START - timedelta(hours=1), 60)
        ahead = START + timedelta(hours=3)
        here.site.put(entry(ahead, 300))
        await here.live(timedelta(minutes=30))
        assert ahead not in here.disk.times
        assert here.poller.waiting == 1
        assert here.poller.status.newest is not None
        assert here.poller.status.newest <= here.world.now
        due = [time for time in here.produced if time + DELAY <= here.world.now - CADENCE]
        assert set(due) <= set(here.disk.times)
        await here.live(timedelta(hours=3))
        assert here.disk.times.count(ahead) == 1
        assert here.poller.waiting == 0


@pytest.mark.parametrize("synchronised", [False, None])
async def test_while_no_clock_is_right_nothing_is_taken_for_far_ahead(
    *, synchronised: bool | None
) -> None:
    async with room(-timedelta(hours=3), synchronised=synchronised) as here:
        here.site.sends_date = False
        here.produce(START - timedelta(hours=1), 12)
        await here.poller.ask()
        assert here.disk.times == here.produced
        assert here.poller.waiting == 0


async def test_a_reading_far_ahead_in_the_outbox_does_not_hide_what_is_missing() -> None:
    """Kept while the clock was wrong, and met again after a restart three days later."""
    async with room(newest=START + timedelta(days=2)) as here:
        here.produce(START - timedelta(days=3), 3 * 288)
        await here.live(timedelta(minutes=15))
        assert sorted(here.disk.times) == here.produced
        assert here.poller.status.newest == here.produced[-1]


async def test_what_no_memory_can_hold_is_not_let_go_of_silently(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge_agent.safekeeping.MOST_WAITING", 30)
    async with room() as here:
        here.produce(START - timedelta(hours=3), 36)
        here.disk.full = True
        await here.poller.ask()
        assert here.poller.waiting == 30
        assert "6 readings of source 1 (nightscout) are LOST" in caplog.text
        # The source still has them.
        here.disk.full = False
        here.go(here.poller.cadence.wait(here.ours.elapsed()))
        await here.poller.ask()
        assert sorted(here.disk.times) == here.produced


@pytest.mark.parametrize("speed", [2.0, 10.0, 1000.0])
@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=30)], ids=["at once", "later"])
async def test_a_file_played_at_any_speed_comes_as_it_is_played(
    speed: float, late: timedelta
) -> None:
    """What lies before is five minutes apart, and must not make it wait for what is played."""
    clock, came = HandClock(START + late), dict[datetime, datetime]()

    async def keep(readings: Sequence[Reading]) -> int:
        new = {one.time: clock.now for one in readings if one.time not in came}
        came.update(new)
        return len(new)

    recorded = [
        Reading(time=START - timedelta(days=400) + n * CADENCE, mg_dl=100, source="f", series="egv")
        for n in range(60 * 288)
    ]
    account = RecordedAccount(
        lambda: recorded,
        ReplaySettings(started_at=START, speed=speed),
        run=asyncio.to_thread,
        clock=clock,
        elapsed=clock.elapsed,
    )
    poller = Poller(
        source(url="x.org"),
        account,
        keep=keep,
        memory=Memory(None),
        offsets=ClockOffsets(clock, clock.elapsed),
        elapsed=clock.elapsed,
        synchronised=lambda: True,
    )
    begin = clock.now
    while clock.now < begin + timedelta(minutes=25):
        await poller.ask()
        clock.go(poller.cadence.wait(clock.elapsed()))
    lateness = [came_at - time for time, came_at in came.items() if begin < time]
    assert len(lateness) >= timedelta(minutes=20) // (CADENCE / speed)
    # No source is asked more than once a minute for long.
    assert max(lateness) < timedelta(seconds=90)
