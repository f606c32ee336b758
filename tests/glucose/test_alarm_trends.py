"""Where glucose is going: predicted lows, fast changes, long highs, and what no body makes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.rows import at, row
from fakes.watch import Watch, by_day, told
from glucose.alarms.rules import Rule
from glucose.alarms.state import Mark, Phase, What
from glucose.reading import Bound

SILENT = Rule(on=False, threshold=70)


@pytest.mark.parametrize("cadence", [1, 5])
def test_a_low_is_predicted_at_the_same_value_at_any_cadence(cadence: int) -> None:
    watch = Watch(cadence=cadence)
    watch.run(range(136, 70, -3 * cadence), every=cadence)
    fired = watch.last("predicted_low", What.FIRED)
    assert fired.reading is not None
    # AR2 sees 71.7 from 94 and 69.0 from 91, a value on both ways.
    assert fired.reading.mg_dl == 91
    assert told(watch.said).count("predicted_low fired") == 1


@pytest.mark.parametrize("cadence", [1, 5])
def test_at_100_falling_3_a_minute_every_source_warns(cadence: int) -> None:
    watch = Watch(cadence=cadence)
    watch.run(range(145, 99, -3 * cadence), every=cadence)
    assert watch.on == {"falling_fast"}


def test_a_source_of_15_minutes_predicts_too() -> None:
    watch = Watch(cadence=15)
    assert "predicted_low fired" in watch.play((0, 135), (15, 90))


def test_one_flag_suffices_and_it_clears_by_the_forecast() -> None:
    watch = Watch()
    assert "predicted_low fired" in watch.play((0, 100), (5, 88))
    # 74.1, then 86.2.
    assert watch.come(10, 82) == []
    assert watch.come(15, 82) == ["predicted_low cleared"]


def test_it_clears_when_the_low_fires_and_does_not_come_back_beside_it() -> None:
    watch = Watch()
    watch.play((0, 90), (5, 78))
    assert watch.on == {"predicted_low"}
    assert watch.come(10, 69) == ["low fired", "predicted_low cleared"]
    assert watch.run([60, 52], 15) == ["urgent_low fired"]


def test_it_clears_when_only_the_urgent_low_can_fire() -> None:
    watch = Watch(by_day(low=SILENT))
    watch.play((0, 90), (5, 78))
    assert "predicted_low cleared" in watch.play((10, 60), (15, 53))


def test_it_is_never_said_again() -> None:
    watch = Watch(by_day(low=SILENT))
    watch.run([100, 88, 77, 72, 69, 66, 63, 60, 58, 56] + [55] * 20)
    assert told(watch.said).count("predicted_low fired") == 1
    assert "predicted_low repeated" not in told(watch.said)


def test_over_a_gap_a_forecast_is_unknown_and_after_half_an_hour_over() -> None:
    watch = Watch()
    watch.play((0, 100), (5, 88))
    assert watch.look(16) == []
    assert "predicted_low cleared" not in watch.come(17, 88)
    assert "predicted_low" in watch.on
    late = Watch()
    late.play((0, 100), (5, 88))
    assert "predicted_low cleared" in late.come(36, 88)


def test_a_clock_that_was_ahead_does_not_keep_a_forecast_alive() -> None:
    watch = Watch()
    watch.play((600, 100), (605, 88))
    watch.readings.clear()
    watch.come(0, 120)
    assert "predicted_low" not in watch.on


def test_low_and_high_give_no_rate() -> None:
    watch = Watch()
    watch.run([160, 180, 200])
    assert "rising_fast" in watch.on
    watch.come(15, 401, bound=Bound.HIGH)
    assert "rising_fast" in watch.on
    assert "rising_fast cleared" in watch.come(45, 401, bound=Bound.HIGH)


@pytest.mark.parametrize(
    ("values", "fires"),
    [
        ((174, 159, 144, 129), True),
        ((175, 160, 145, 130), False),
        ((172, 158, 144, 129), False),
    ],
)
def test_falling_fast_is_3_a_minute_below_130(values: tuple[int, ...], fires: bool) -> None:
    assert ("falling_fast fired" in Watch().run(values)) is fires


@pytest.mark.parametrize(
    ("values", "fires"),
    [
        ((106, 121, 136, 151), True),
        ((105, 120, 135, 150), False),
        ((108, 122, 136, 151), False),
    ],
)
def test_rising_fast_is_3_a_minute_above_150(values: tuple[int, ...], fires: bool) -> None:
    assert ("rising_fast fired" in Watch().run(values)) is fires


def test_fast_clears_at_one_and_a_half() -> None:
    watch = Watch()
    watch.run([100, 115, 130, 145, 160])
    assert "rising_fast" in watch.on
    assert watch.run([168, 176], 25) == []
    # 160, 168, 176, 183: 1.54 a minute; then 168, 176, 183, 190: 1.46.
    assert watch.come(35, 183) == []
    assert watch.come(40, 190) == ["rising_fast cleared"]


def test_a_slower_setting_has_a_margin_too() -> None:
    watch = Watch(by_day(falling_fast=Rule(threshold=1.4), predicted_low=SILENT))
    watch.run([125, 118, 111, 104])
    assert "falling_fast" in watch.on
    # 1.3 a minute is still more than half of 1.4.
    assert watch.run([98, 91, 85], 20) == []
    assert "falling_fast" in watch.on
    assert watch.run([82, 80, 79], 35) == ["falling_fast cleared"]


def test_long_above_180_and_not_falling() -> None:
    watch = Watch()
    assert watch.run([181, 182] * 12) == []
    assert watch.come(120, 181) == ["sustained_high fired"]
    falling = Watch()
    assert falling.run([*range(240, 220, -1), 214, 207, 200, 193, 186]) == []
    # 200, 193, 186, 186: 0.98 a minute.
    assert falling.come(125, 186) == ["sustained_high fired"]


def test_a_long_high_began_with_its_first_reading_above_and_its_worst_counts_from_there() -> None:
    watch = Watch()
    watch.run([160, 181, 190, 240, *[200] * 21])
    assert watch.come(125, 200) == ["sustained_high fired"]
    fired = watch.last("sustained_high", What.FIRED)
    assert (fired.began, fired.at, fired.extreme_mg_dl) == (at(5), at(125), 240)
    assert (watch["sustained_high"].since, watch["sustained_high"].fired) == (at(5), at(125))
    assert watch.come(130, 180) == ["sustained_high cleared"]
    cleared = watch.last("sustained_high", What.CLEARED)
    assert (cleared.began, cleared.extreme_mg_dl) == (at(5), 240)
    # The next one begins anew.
    watch.run([190] * 25, 135)
    again = watch.last("sustained_high", What.FIRED)
    assert (again.began, again.at, again.extreme_mg_dl) == (at(135), at(255), 190)


def test_a_long_high_that_fires_after_a_fall_began_when_it_went_above() -> None:
    watch = Watch(by_day(sustained_high=Rule(threshold=180, delay=timedelta(minutes=20))))
    watch.run([170, 240, 233, 226, 219, 212, 205])
    assert "sustained_high" not in watch.on
    # 219, 212, 205, 205: 0.98 a minute.
    assert watch.come(35, 205) == ["sustained_high fired"]
    fired = watch.last("sustained_high", What.FIRED)
    assert (fired.began, fired.at, fired.extreme_mg_dl) == (at(5), at(35), 240)


def test_a_gap_that_is_bridged_belongs_to_a_long_high_and_one_that_is_not_does_not() -> None:
    # Above from 0 to 45 and from 75 on: 30 minutes are bridged, a minute more are not.
    for gap, began in ((75, 0), (76, 76)):
        watch = Watch(by_day(stale=Rule(on=False, delay=timedelta(minutes=20))))
        watch.run([230] + [200] * 9)
        watch.run([200] * 25, gap)
        fired = watch.last("sustained_high", What.FIRED)
        assert (fired.began, fired.extreme_mg_dl) == (at(began), 200 if began else 230)


def test_readings_that_come_all_at_once_tell_since_when_it_has_been_high() -> None:
    watch = Watch()
    watch.readings += [row(5 * i, 200 + i) for i in range(29)]
    assert "sustained_high fired" in watch.look(145)
    fired = watch.last("sustained_high", What.FIRED)
    assert (fired.began, fired.at, fired.extreme_mg_dl) == (at(0), at(145), 228)


def test_a_gap_of_half_an_hour_does_not_break_a_long_high() -> None:
    watch = Watch(by_day(stale=Rule(on=False, delay=timedelta(minutes=20))))
    watch.run([200] * 10)
    watch.run([200] * 9, 75)
    assert watch.come(120, 200) == ["sustained_high fired"]
    broken = Watch(by_day(stale=Rule(on=False, delay=timedelta(minutes=20))))
    broken.run([200] * 10)
    assert broken.run([200] * 10, 75.1) == []


def test_high_counts_as_above() -> None:
    watch = Watch()
    for minutes in range(0, 125, 5):
        watch.come(minutes, 401, bound=Bound.HIGH)
    assert "sustained_high" in watch.on
    assert "urgent_high" in watch.on


def test_a_steep_drop_delays_the_low_by_one_reading_and_is_marked() -> None:
    watch = Watch()
    assert watch.run([100, 100, 100]) == []
    # Neither does the forecast speak of it meanwhile.
    assert watch.come(15, 66) == []
    assert watch["low"].phase is Phase.PENDING
    assert watch.come(20, 66) == ["low fired"]
    fired = watch.last("low", What.FIRED)
    assert fired.marks == {Mark.COMPRESSION_LOW_SUSPECTED}
    assert fired.began == at(15)


def test_a_steep_drop_that_is_over_with_the_next_reading_was_none() -> None:
    watch = Watch()
    watch.run([100, 100, 100, 66])
    assert watch.come(20, 99) == []
    assert watch.on == set()


def test_a_steep_drop_never_delays_the_urgent_low() -> None:
    watch = Watch()
    watch.run([95, 95, 95])
    assert watch.come(15, 50) == ["urgent_low fired"]
    assert watch.last("urgent_low", What.FIRED).marks == {Mark.COMPRESSION_LOW_SUSPECTED}
    assert "low fired" in watch.come(20, 50)
    bounded = Watch()
    bounded.run([100, 100])
    assert bounded.come(10, 39, bound=Bound.LOW) == ["urgent_low fired"]


def test_a_steep_drop_whose_next_reading_does_not_come_fires_all_the_same() -> None:
    watch = Watch()
    watch.run([100, 100, 66])
    assert watch.look(15.9) == []
    assert watch.look(16) == ["low fired"]
    lost = Watch(by_day(low=Rule(threshold=70, delay=timedelta(minutes=12))))
    lost.run([100, 100, 66])
    assert "low fired" in lost.look(22)
    assert lost.last("low", What.FIRED).marks == {
        Mark.LAST_KNOWN,
        Mark.COMPRESSION_LOW_SUSPECTED,
    }


@pytest.mark.parametrize(
    "values", [(110, 104, 70, 66), (87, 87, 68), (100, 66), (130, 110, 90, 69)]
)
def test_a_fall_that_a_body_can_make_is_not_delayed(values: tuple[int, ...]) -> None:
    watch = Watch()
    watch.run(values)
    assert watch["low"].phase is Phase.ACTIVE


def test_the_next_reading_of_a_one_minute_source_is_a_minute_later() -> None:
    watch = Watch(cadence=1)
    watch.run([100] * 12, every=1)
    assert "low fired" not in watch.come(12, 66)
    assert "low fired" in watch.come(13, 66)


def test_a_line_that_does_not_move_for_two_hours_is_suspected() -> None:
    watch = Watch()
    assert watch.run([120] * 24) == []
    assert watch.come(120, 120) == ["sensor_fault_suspected fired"]
    fired = watch.last("sensor_fault_suspected", What.FIRED)
    assert (fired.began, fired.at, fired.extreme_mg_dl) == (at(0), at(120), 120)
    assert watch.come(125, 120) == []
    assert watch.come(130, 121) == ["sensor_fault_suspected cleared"]


def test_a_flat_line_began_with_its_first_number_after_another_and_after_a_gap() -> None:
    watch = Watch()
    watch.run([121] + [120] * 25)
    assert watch.last("sensor_fault_suspected", What.FIRED).began == at(5)
    broken = Watch()
    broken.run([120] * 10)
    broken.run([120] * 25, 60)
    assert broken.last("sensor_fault_suspected", What.FIRED).began == at(60)


def test_low_and_high_are_no_flat_line() -> None:
    for bound, mg_dl in ((Bound.LOW, 39), (Bound.HIGH, 401)):
        watch = Watch()
        for minutes in range(0, 200, 5):
            watch.come(minutes, mg_dl, bound=bound)
        assert "sensor_fault_suspected" not in watch.on


def test_a_suspected_fault_stays_while_nothing_is_known() -> None:
    watch = Watch()
    watch.run([120] * 25)
    watch.look(150)
    assert "sensor_fault_suspected" in watch.on
    assert "sensor_fault_suspected cleared" in watch.come(155, 120)
