"""When a source is asked next: after answers, after silence, after errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from glucose.cadence import LONGEST, SHORTEST, SLOWEST, Cadence
from glucose.cadence_learning import Learned
from glucose.errors import (
    AccountLocked,
    ClientVersionRefused,
    CredentialsRejected,
    GlucoseError,
    SharingDisabled,
    SourceUnreachable,
    TermsNotAccepted,
    UnexpectedAnswer,
)
from glucose.reading import Kind, Reading

EPOCH = datetime(2026, 3, 29, tzinfo=UTC)
BEGIN = 50_000.0
HOUR = 3600.0
Available = Callable[[float], Sequence[float]]


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def reading(seconds: float, series: str = "sgv", kind: Kind = Kind.CGM) -> Reading:
    return Reading(time=at(seconds), mg_dl=100, source="a", series=series, kind=kind)


class Home:
    """One source asked by one Cadence, each request taking 0.2 s."""

    def __init__(self, declared: float = 300, learned: Learned | None = None) -> None:
        self.cadence = Cadence(timedelta(seconds=declared), "source", learned)
        self.elapsed = BEGIN
        self.asked: list[float] = []
        # How far our wall clock is ahead of the truth.
        self.ahead = 0.0

    @property
    def now(self) -> datetime:
        return at(self.elapsed + self.ahead)

    def wait(self) -> float:
        return self.cadence.wait(self.elapsed).total_seconds()

    def ask(self) -> None:
        self.elapsed += self.wait()
        self.asked.append(self.elapsed)
        self.cadence.asked(self.elapsed)
        self.elapsed += 0.2

    def get(self, *readings: Reading) -> None:
        self.ask()
        self.cadence.answered(self.now, self.elapsed, readings)

    def fail(self, error: GlucoseError) -> None:
        self.ask()
        self.cadence.failed(self.now, self.elapsed, error)

    def follow(self, available: Available, lasting: float) -> None:
        end = self.elapsed + lasting
        while self.elapsed + self.wait() < end:
            sent = self.elapsed + self.wait()
            self.get(*(reading(time) for time in available(sent)))


def regular(interval: float, delay: float, begin: float = 0.0, end: float = 1e9) -> Available:
    """Return a source with readings at multiples of `interval`, each there `delay` later."""

    def there(elapsed: float) -> list[float]:
        newest = min(elapsed - delay, end) // interval
        return [
            n * interval for n in range(int(newest) - 12, int(newest) + 1) if n * interval > begin
        ]

    return there


def none(_: float) -> list[float]:
    return []


def test_a_new_source_is_asked_at_once() -> None:
    assert Home().wait() == SHORTEST


def test_the_next_ask_comes_some_seconds_after_the_next_reading_is_due() -> None:
    home = Home()
    home.get(reading(home.elapsed - 100))

    assert 200 < home.wait() < 240


def test_a_cancelled_request_is_repeated_soon_but_not_at_once() -> None:
    home = Home()
    home.ask()

    assert 10 < home.wait() <= 30


def test_a_missing_reading_is_asked_for_ever_more_slowly() -> None:
    home = Home()
    home.get(reading(home.elapsed))
    for _ in range(8):
        home.get()

    gaps = [later - earlier for earlier, later in zip(home.asked[1:], home.asked[2:], strict=False)]

    assert gaps[0] < 40
    assert gaps[0] < gaps[3] <= gaps[-1] + 1
    assert gaps[-1] == pytest.approx(300, abs=1)


@pytest.mark.parametrize(("interval", "most"), [(60, 60), (300, 40), (900, 16)])
def test_three_silent_hours_cost_few_requests(interval: float, most: int) -> None:
    home = Home(interval)
    home.follow(regular(interval, 10, end=BEGIN + HOUR), HOUR)
    home.asked.clear()

    home.follow(regular(interval, 10, end=BEGIN + HOUR), 3 * HOUR)

    assert 10 <= len(home.asked) <= most


@pytest.mark.parametrize("interval", [60, 300, 900])
def test_readings_that_return_after_silence_are_seen_within_an_interval(interval: float) -> None:
    home = Home(interval)
    home.follow(regular(interval, 10), HOUR)
    home.follow(none, 5 * HOUR)

    back = home.elapsed
    home.asked.clear()
    home.follow(regular(interval, 10, begin=back), 2 * HOUR)

    assert home.asked[0] - back <= max(interval, SLOWEST) + 5
    assert len(home.asked) <= 1.6 * 2 * HOUR / interval


def test_a_new_sensor_with_another_phase_is_followed_from_its_first_reading() -> None:
    home = Home()
    home.follow(regular(300, 10), 3 * HOUR)
    home.follow(none, 2 * HOUR)
    moved = home.elapsed + 137

    home.elapsed = moved + 12
    home.get(reading(moved))

    assert home.asked[-1] - moved + home.wait() == pytest.approx(310, abs=15)


@pytest.mark.parametrize("delay", [4, 12, 45, 130, 420])
def test_any_steady_delay_is_learned_within_three_hours(delay: float) -> None:
    home = Home()
    home.follow(regular(300, delay), 3 * HOUR)
    home.asked.clear()

    home.follow(regular(300, delay), 4 * HOUR)

    lags = [(sent - delay) % 300 for sent in home.asked]
    assert len(home.asked) <= 48 * 1.6
    assert sum(lag < max(6, 0.25 * delay) for lag in lags) >= 44


@pytest.mark.parametrize(("before", "after"), [(12, 50), (50, 12)])
def test_a_delay_that_changes_is_learned_anew(before: float, after: float) -> None:
    home = Home()
    home.follow(regular(300, before), 20 * HOUR)
    home.follow(regular(300, after), 12 * HOUR)
    home.asked.clear()

    home.follow(regular(300, after), 4 * HOUR)

    lags = [(sent - after) % 300 for sent in home.asked]
    assert sum(lag < 15 for lag in lags) >= 44


@pytest.mark.parametrize(
    ("times", "interval"),
    [
        ([0, 60, 120, 180, 240, 300], 60),
        ([0, 300, 600, 900, 1200], 300),
        ([0, 900, 1800, 2700, 3600], 900),
        ([0, 9, 300, 310, 600, 609, 900, 910, 1200], 300),
        ([0, 300, 900, 1200, 2700, 3000, 3900, 4200], 300),
        ([0, 301, 600, 899, 1200, 1501], 300),
        ([0, 5, 10, 15, 20, 25, 30, 35, 40], 300),
        ([0, 31, 62, 93, 124, 155], 60),
        ([0, 7200, 14400, 21600, 28800], 900),
        ([0], 300),
    ],
    ids=[
        "one minute",
        "five",
        "fifteen",
        "phone and watch",
        "holes",
        "jitter",
        "one burst",
        "too fast to be true",
        "hardly any",
        "only one",
    ],
)
def test_the_interval_is_learned(times: list[float], interval: float) -> None:
    home = Home()
    home.get(*(reading(BEGIN - times[-1] + time - 5) for time in times))

    assert home.cadence.interval.total_seconds() == pytest.approx(interval, abs=2)


def test_meter_readings_other_series_and_times_ahead_do_not_move_the_plan() -> None:
    home = Home()
    newest = home.elapsed - 100
    home.get(
        reading(newest),
        reading(newest - 30, series="graph"),
        reading(newest + 50, kind=Kind.METER),
        reading(newest + 2 * HOUR),
    )

    assert 200 < home.wait() < 240


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_clock_that_jumps_after_an_answer_changes_no_plan(jump: float) -> None:
    home = Home()
    home.get(reading(home.elapsed - 100))
    planned = home.wait()

    home.ahead = jump

    assert home.wait() == planned


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_a_clock_that_stays_wrong_costs_no_silence_and_no_hammering(ahead: float) -> None:
    home = Home()
    home.ahead = ahead

    home.follow(regular(300, 10), 6 * HOUR)

    gaps = [later - earlier for earlier, later in zip(home.asked, home.asked[1:], strict=False)]
    assert max(gaps) <= 450
    assert len(home.asked) < 6 * 12 * 2


def test_a_clock_set_back_from_the_future_is_followed_at_the_next_answer() -> None:
    home = Home()
    home.ahead = HOUR
    home.get(reading(home.elapsed + HOUR - 10))
    home.ahead = 0

    home.get(reading(home.elapsed - 10))

    assert home.wait() < 320


UNTIL = at(BEGIN + SHORTEST + 0.2 + 900)


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (SourceUnreachable("x"), 10, 11),
        (UnexpectedAnswer("x"), 10, 11),
        (SourceUnreachable("x", banned=True), 300, 330),
        (SourceUnreachable("x", retry_after=timedelta(seconds=77)), 77, 77),
        (SourceUnreachable("x", retry_after=timedelta(seconds=77), banned=True), 77, 77),
        (SourceUnreachable("x", retry_after=timedelta(0)), 10, 11),
        (SourceUnreachable("x", retry_after=timedelta(days=900)), LONGEST, LONGEST),
        (CredentialsRejected("x"), 600, 660),
        (CredentialsRejected("x", confirmed=True), 6 * HOUR, 6.6 * HOUR),
        (AccountLocked("x", until=UNTIL), 900, 990),
        (AccountLocked("x"), 1800, 1980),
        (AccountLocked("x", until=EPOCH), 300, 330),
        (TermsNotAccepted("x"), HOUR, 1.1 * HOUR),
        (SharingDisabled("x"), HOUR, 1.1 * HOUR),
        (ClientVersionRefused("x"), HOUR, 1.1 * HOUR),
    ],
)
def test_every_error_has_its_wait(error: GlucoseError, least: float, most: float) -> None:
    home = Home()
    home.fail(error)

    assert least <= home.wait() <= most


@pytest.mark.parametrize(
    ("interval", "error", "last"),
    [
        (60, SourceUnreachable("x"), 120),
        (300, SourceUnreachable("x"), 300),
        (900, UnexpectedAnswer("x"), 300),
        (300, SourceUnreachable("x", banned=True), 7920),
    ],
)
def test_repeated_failures_double_the_wait_up_to_a_limit(
    interval: float, error: GlucoseError, last: float
) -> None:
    home = Home(interval)
    waits = []
    for _ in range(12):
        home.fail(error)
        waits.append(home.wait())

    assert waits[1] > 1.5 * waits[0]
    assert 0.9 * last <= waits[-1] <= last


def test_one_answer_ends_the_back_off() -> None:
    home = Home()
    for _ in range(8):
        home.fail(SourceUnreachable("x"))
    home.get(reading(home.elapsed))

    home.fail(SourceUnreachable("x"))

    assert home.wait() <= 11


def test_after_three_hours_of_errors_the_first_value_comes_within_an_interval() -> None:
    home = Home()
    home.follow(regular(300, 10), 2 * HOUR)
    end = home.elapsed + 3 * HOUR
    before = len(home.asked)
    while home.elapsed + home.wait() < end:
        home.fail(SourceUnreachable("503"))

    assert len(home.asked) - before <= 45
    assert home.elapsed + home.wait() - end <= 300


def test_back_offs_of_two_sources_differ_and_due_moments_do_not() -> None:
    error = SourceUnreachable("x", banned=True)
    one, other = (Cadence(timedelta(minutes=5), seed) for seed in ("one", "other"))
    for cadence in (one, other):
        cadence.asked(BEGIN)
        cadence.failed(EPOCH, BEGIN, error)
    assert one.wait(BEGIN) != other.wait(BEGIN)

    for cadence in (one, other):
        cadence.answered(at(BEGIN), BEGIN, [reading(BEGIN - 20)])
    assert one.wait(BEGIN) == other.wait(BEGIN)


def test_the_first_request_reaches_back_a_day() -> None:
    home = Home()

    assert home.cadence.since(home.now, home.elapsed) == home.now - timedelta(hours=24)


def test_requests_reach_back_a_little_and_once_an_hour_three_hours() -> None:
    home = Home()
    reach = []
    home.get(reading(home.elapsed))
    for _ in range(24):
        sent = home.elapsed + home.wait()
        reach.append(sent - (home.cadence.since(at(sent), sent) - EPOCH).total_seconds())
        home.get(reading(home.elapsed + home.wait() - 10))

    assert sum(back > 3 * HOUR for back in reach) == 2
    assert sum(back < 1500 for back in reach) == 22


def test_after_a_failure_three_hours_before_the_newest_are_read_again() -> None:
    home = Home()
    newest = home.elapsed
    home.get(reading(newest))
    home.fail(SourceUnreachable("x"))

    assert home.cadence.since(home.now, home.elapsed) == at(newest - 3 * HOUR)


def test_a_hole_is_read_again_for_an_hour_because_phones_send_the_newest_first() -> None:
    home = Home()
    home.get(reading(home.elapsed))
    before = home.elapsed - 0.2
    begin = home.elapsed + 6 * HOUR
    home.elapsed = begin
    home.get(reading(home.elapsed))

    soon = home.cadence.since(at(begin + 1800), begin + 1800)
    later = home.cadence.since(at(begin + 3700), begin + 3700)

    assert soon <= at(before)
    assert later > at(before)
