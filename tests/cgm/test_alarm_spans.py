"""Since when and until when alarms were on, out of the log and by what is on now."""

from datetime import UTC, datetime, timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from custom_components.cgm.alarm_spans import async_spans, spans
from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from custom_components.cgm.shared.glucose.alarms.state import Alarms, AlarmState, Phase, What
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.pictures.marks import Span
from custom_components.cgm.shared.glucose.store import LoggedAlarm, Store

from .conftest import SetUp
from .test_alarm_home import reading, receive
from .watching import NOON, running

MINUTE = timedelta(minutes=1)
BEGAN = datetime(2026, 11, 20, 3, tzinfo=UTC)


def ended(kind: str, what: What = What.CLEARED, **about: object) -> LoggedAlarm:
    return LoggedAlarm(at=BEGAN + 20 * MINUTE, kind=kind, what=what, about=about)


def running_since(since: datetime | None, fired: datetime | None) -> AlarmState:
    return AlarmState(phase=Phase.ACTIVE, since=since, fired=fired)


def test_what_ended_has_both_ends_and_what_goes_on_has_none() -> None:
    on = running_since(BEGAN + 30 * MINUTE, BEGAN + 45 * MINUTE)
    found = spans(
        [ended("low", began=BEGAN.isoformat())],
        Alarms(states={AlarmKind.HIGH: on}),
    )
    assert found == [
        Span(start=BEGAN, end=BEGAN + 20 * MINUTE, low=True),
        Span(start=BEGAN + 30 * MINUTE, end=None, low=False),
    ]


def test_one_that_no_reading_began_is_on_since_it_spoke() -> None:
    states = {
        AlarmKind.STALE: running_since(None, BEGAN),
        AlarmKind.HIGH: running_since(None, None),
    }
    assert spans([], Alarms(states=states)) == [Span(start=BEGAN, end=None, low=None)]


def test_only_a_row_that_tells_of_an_end_and_its_beginning_makes_one() -> None:
    began = BEGAN.isoformat()
    others = [ended("low", what, began=began) for what in What if what is not What.CLEARED]
    assert spans([*others, ended("low"), ended("low", began=None)], Alarms()) == []


def test_the_worse_is_drawn_over_the_milder() -> None:
    began = BEGAN.isoformat()
    found = spans(
        [ended("urgent_high", began=began), ended("rising_fast", began=began)],
        Alarms(states={AlarmKind.LOW: running_since(BEGAN - MINUTE, None)}),
    )
    assert [(one.low, one.end is None) for one in found] == [
        (False, False),
        (True, True),
        (False, False),
    ]
    assert found[1].start == BEGAN - MINUTE


async def test_what_waits_for_the_disk_is_written_first(
    hass: HomeAssistant,
    set_up: SetUp,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("made up")

    freezer.move_to(NOON)
    alex = await set_up()
    low = dt_util.utcnow()
    with monkeypatch.context() as patched:
        patched.setattr(Store, "keep_alarms", refuse)
        await receive(alex, reading(alex, 51, minutes=0))
        for mg_dl in (100, 110, 120, 120):
            freezer.tick(5 * MINUTE)
            await receive(alex, reading(alex, mg_dl, minutes=0))
        assert running(alex).alarms.alarms.on == ()
        assert await async_spans(running(alex), low) == []
    found = await async_spans(running(alex), low)
    assert found
    assert all(span.end is not None and span.end > span.start >= low for span in found)
