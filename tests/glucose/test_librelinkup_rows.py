"""What LibreLinkUp's JSON means, row by row: synthetic, recorded, and whatever Hypothesis finds."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from hypothesis import example, given, strategies as st

from fakes.librelinkup import vendor_time
from glucose.errors import InvalidReadingError, UnexpectedAnswer
from glucose.reading import Bound, Reading
from glucose.sources.librelinkup_rows import (
    factory_time,
    graph_readings,
    reading,
    sensor_life,
    visible_wearers,
)
from glucose.sources.source import SensorLife
from glucose.trend import Trend

AT = datetime(2022, 12, 30, 16, 47, 40, tzinfo=UTC)
DAWN = datetime(2000, 1, 1, tzinfo=UTC)
RECORDED = Path(__file__).parents[3] / "shared" / "data" / "librelinkup"
needs_recorded = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="recorded LibreLinkUp answers are not beside the checkout"
)

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([10**400, "\ud800", "12/30/2022 4:47:40 PM", 115, "HI"])
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def row(mg_dl: object = 115, **fields: object) -> dict[str, object]:
    return {
        "FactoryTimestamp": "12/30/2022 4:47:40 PM",
        "Timestamp": "12/30/2022 5:47:40 PM",
        "ValueInMgPerDl": mg_dl,
        "Value": 6.4,
        "GlucoseUnits": 0,
        "isHigh": False,
        "isLow": False,
        **fields,
    }


def read(mg_dl: object = 115, **fields: object) -> Reading:
    return reading(row(mg_dl, **fields), source="libre", series="current")


def graph(points: object, current: object = None, **connection: object) -> dict[str, object]:
    told = {"patientId": "ada", "glucoseMeasurement": current, **connection}
    return {"connection": told, "graphData": points}


def read_graph(data: object) -> tuple[tuple[Reading, ...], int]:
    return graph_readings(data, wearer="ada", source="libre", since=DAWN)


def test_the_time_is_utc_and_the_value_mg_dl_whatever_the_account_shows() -> None:
    found = read()
    assert (found.time, found.mg_dl, found.trend, found.bound) == (AT, 115, None, None)


@pytest.mark.parametrize(
    ("mg_dl", "flags", "kept", "bound"),
    [
        (197, {"isHigh": False}, 197, None),
        (197, {"isHigh": True}, 197, None),
        (60, {"isLow": True}, 60, None),
        (399, {"isHigh": True}, 399, None),
        (400, {}, 400, None),
        (400, {"isHigh": True}, 400, Bound.HIGH),
        (401, {"isHigh": True}, 401, Bound.HIGH),
        (400, {"isHigh": 1}, 400, None),
        (402, {"isHigh": True}, 402, None),
        (420, {}, 420, None),
        (420, {"isHigh": True}, 420, None),
        (499.4, {"isHigh": True}, 499, None),
        (500, {}, 500, Bound.HIGH),
        (501, {"isHigh": False}, 501, Bound.HIGH),
        (41, {"isLow": True}, 41, None),
        (40, {}, 40, None),
        (40, {"isLow": True}, 40, Bound.LOW),
        (40, {"isHigh": True}, 40, None),
        (39, {"isLow": False}, 39, Bound.LOW),
        (20, {}, 20, Bound.LOW),
        ("LO", {}, 40, Bound.LOW),
        (" hi ", {}, 400, Bound.HIGH),
        ("420", {}, 420, None),
        (115.5, {}, 116, None),
    ],
)
def test_the_end_of_the_sensors_range_is_told_from_a_number(
    mg_dl: object, flags: dict[str, object], kept: int, bound: Bound | None
) -> None:
    found = read(mg_dl, **flags)
    assert (found.mg_dl, found.bound) == (kept, bound)


@pytest.mark.parametrize(
    "mg_dl",
    [
        float("nan"),
        float("inf"),
        True,
        False,
        None,
        "",
        "low",
        "high",
        "1,5",
        0,
        -5,
        9,
        601,
        [],
        {},
    ],
)
def test_what_is_no_glucose_is_refused(mg_dl: object) -> None:
    with pytest.raises(InvalidReadingError):
        read(mg_dl)


@pytest.mark.parametrize(
    ("arrow", "trend"),
    [
        (1, Trend.DOWN),
        (2, Trend.SLIGHT_DOWN),
        (3, Trend.FLAT),
        (4, Trend.SLIGHT_UP),
        (5, Trend.UP),
        (0, Trend.NONE),
        (6, Trend.NONE),
        (True, Trend.NONE),
        ("3", Trend.NONE),
        ([3], Trend.NONE),
        (None, None),
    ],
)
def test_the_arrow_is_a_trend(arrow: object, trend: Trend | None) -> None:
    assert read(TrendArrow=arrow).trend is trend


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1/2/2023 12:00:00 AM", datetime(2023, 1, 2, 0, 0, tzinfo=UTC)),
        ("1/2/2023 12:59:59 PM", datetime(2023, 1, 2, 12, 59, 59, tzinfo=UTC)),
        ("11/12/2023 1:00:00 am", datetime(2023, 11, 12, 1, 0, tzinfo=UTC)),
        ("02/29/2024 11:00:00 PM", datetime(2024, 2, 29, 23, 0, tzinfo=UTC)),
    ],
)
def test_the_vendors_time_is_read(text: str, time: datetime) -> None:
    assert factory_time(text) == time


@pytest.mark.parametrize(
    "text",
    [
        "13/1/2023 1:00:00 AM",
        "2/29/2023 1:00:00 AM",
        "1/1/2023 0:00:00 AM",
        "1/1/2023 13:00:00 PM",
        "1/1/2023 1:60:00 PM",
        "1/1/2023 1:00:00",
        "2023-01-01T01:00:00Z",
        "\N{ARABIC-INDIC DIGIT ONE}/1/2023 1:00:00 AM",
        "",
        None,
        1672419000,
    ],
)
def test_what_is_no_time_of_the_vendors_is_refused(text: object) -> None:
    with pytest.raises(InvalidReadingError):
        factory_time(text)


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001 - made aware below
def test_every_time_comes_back_from_the_vendors_writing(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC, year=max(1000, moment.year), day=1)
    assert factory_time(vendor_time(whole)) == whole


def test_the_phones_time_is_never_used() -> None:
    fields = row()
    del fields["FactoryTimestamp"]
    with pytest.raises(InvalidReadingError):
        reading(fields, source="libre", series="graph")


def test_readings_are_sorted_whatever_the_order_and_those_before_since_left_out() -> None:
    texts = ["1/1/2023 1:05:00 PM", "1/1/2023 12:55:00 PM", "1/1/2023 1:00:00 PM"]
    data = graph([row(100, FactoryTimestamp=text) for text in texts])
    since = datetime(2023, 1, 1, 13, 0, tzinfo=UTC)
    found, refused = graph_readings(data, wearer="ada", source="libre", since=since)
    assert [reading.time for reading in found] == [since, since + timedelta(minutes=5)]
    assert refused == 0


def test_one_minute_can_have_a_graph_point_and_a_current_value() -> None:
    found, _ = read_graph(graph([row(110)], row(115, TrendArrow=3)))
    assert [(reading.series, reading.mg_dl) for reading in found] == [
        ("graph", 110),
        ("current", 115),
    ]


@pytest.mark.parametrize("bad", [None, 5, "row", [], {}, {"FactoryTimestamp": "never"}, row("x")])
def test_a_bad_row_is_counted_and_its_neighbours_kept(bad: object) -> None:
    found, refused = read_graph(graph([row(100), bad, row(101)], row(102)))
    assert [reading.mg_dl for reading in found] == [100, 101, 102]
    assert refused == 1


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "html",
        {},
        {"connection": None},
        {"connection": []},
        graph({}),
        graph("none"),
        graph([], patientId="bo"),
        graph([], patientId=None),
    ],
)
def test_another_shape_is_said_not_read_as_empty(data: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        read_graph(data)


def test_a_sensors_life_follows_from_its_product() -> None:
    def life(product: object) -> SensorLife | None:
        sensor = {"a": 1671955478, "w": 60, "pt": product}
        return sensor_life({"connection": {"sensor": sensor}})

    started = datetime(2022, 12, 25, 8, 4, 38, tzinfo=UTC)
    warm = started + timedelta(hours=1)
    fourteen = SensorLife(started=started, expires=started + timedelta(days=14), warm_up_until=warm)
    fifteen = SensorLife(started=started, expires=started + timedelta(days=15), warm_up_until=warm)
    unknown = SensorLife(started=started, warm_up_until=warm)
    assert [life(product) for product in (3, 4, 5, None, True, "3")] == [
        fourteen,
        fifteen,
        unknown,
        unknown,
        unknown,
        unknown,
    ]


def test_after_a_change_the_younger_sensor_counts() -> None:
    old, new = {"a": 1671955478, "pt": 3}, {"a": 1673165078, "pt": 3}
    data = {"connection": {"sensor": old}, "activeSensors": [{"sensor": old}, {"sensor": new}]}
    life = sensor_life(data)
    assert life == sensor_life({"connection": {"sensor": new}})
    assert life is not None
    assert life.warm_up_until is None


@pytest.mark.parametrize("sensor", [None, {}, {"a": 0}, {"a": -1}, {"a": "1"}, {"a": 10**30}])
def test_no_sensor_no_life(sensor: object) -> None:
    assert sensor_life({"connection": {"sensor": sensor}, "activeSensors": []}) is None


def test_wearers_are_keyed_by_patient_and_listed_by_name() -> None:
    rows = [
        {"patientId": "p2", "firstName": "Bo", "lastName": None},
        {"id": "c0", "firstName": "Nobody"},
        {"patientId": "p3"},
        {"patientId": "p1", "firstName": " Ada ", "lastName": "X"},
        {"patientId": "p2", "firstName": "Bo"},
        {"patientId": "../p4", "firstName": "Mallory"},
    ]
    found = [(wearer.id, wearer.name) for wearer in visible_wearers(rows)]
    assert found == [("p1", "Ada X"), ("p2", "Bo"), ("p3", "p3")]


@pytest.mark.parametrize("data", [{}, "x", 5, [{}], [None, "x"]])
def test_a_list_that_names_nobody_is_said_not_read_as_empty(data: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        visible_wearers(data)


@given(
    mg_dl=ANY_JSON,
    high=ANY_JSON,
    low=ANY_JSON,
    arrow=ANY_JSON,
    time=ANY_JSON | st.just("1/1/2023 1:00:00 PM"),
)
@example(mg_dl=10**400, high=True, low=True, arrow=3, time="1/1/2023 1:00:00 PM")
def test_any_row_is_a_reading_or_refused(
    mg_dl: object, high: object, low: object, arrow: object, time: object
) -> None:
    fields = row(mg_dl, isHigh=high, isLow=low, TrendArrow=arrow, FactoryTimestamp=time)
    found, refused = read_graph(graph([row(100), fields]))
    assert len(found) + refused == 2
    assert refused <= 1


@given(mg_dl=st.integers(10, 600), high=st.booleans(), low=st.booleans())
def test_only_the_ends_of_the_range_are_bounds(mg_dl: int, high: bool, low: bool) -> None:
    found = read(mg_dl, isHigh=high, isLow=low)
    assert found.mg_dl == mg_dl
    expected = {True: Bound.LOW, False: None}[mg_dl < 40 or (mg_dl == 40 and low)]
    at_the_top = mg_dl >= 500 or (mg_dl in {400, 401} and high)
    assert found.bound is {True: Bound.HIGH, False: expected}[at_the_top]


@given(data=ANY_JSON)
def test_any_document_is_read_or_said(data: object) -> None:
    wrapped = {"connection": data, "graphData": data, "activeSensors": data}
    sensor_life(data)
    sensor_life(wrapped)
    for document in (data, wrapped, graph(data, data, sensor=data)):
        try:
            found, refused = read_graph(document)
        except UnexpectedAnswer as error:
            assert str(error)  # noqa: PT017 - most documents raise, some are readable
        else:
            assert len(found) >= 0 <= refused


@given(
    data=ANY_JSON | st.lists(st.fixed_dictionaries({"patientId": ANY_JSON, "firstName": ANY_JSON}))
)
def test_any_list_of_connections_is_read_or_said(data: object) -> None:
    try:
        found = visible_wearers(data)
    except UnexpectedAnswer as error:
        assert str(error)  # noqa: PT017 - most lists raise, some are readable
    else:
        assert all(wearer.id and wearer.name.encode() for wearer in found)


def recorded(name: str) -> object:
    document = json.loads((RECORDED / name).read_text())
    return cast("object", document["data"])


@needs_recorded
def test_a_recorded_graph_is_read_whole() -> None:
    data = recorded("librelinkup_graph.json")
    found, refused = graph_readings(
        data, wearer="7ad66b40-ba9b-401e-9845-4f49f998cf16", source="libre", since=DAWN
    )
    points = [reading for reading in found if reading.series == "graph"]
    gaps = {later.time - earlier.time for earlier, later in pairwise(points)}
    assert refused == 0
    assert len(points) == 141
    assert (points[0].time, points[0].mg_dl) == (AT.replace(hour=4, minute=50), 173)
    assert min(gaps) > timedelta(minutes=4, seconds=50)
    assert {reading.bound for reading in found} == {None}
    assert found[-1] == Reading(
        time=AT, mg_dl=115, source="libre", series="current", trend=Trend.FLAT
    )
    assert sensor_life(data) == SensorLife(
        started=datetime(2022, 12, 25, 8, 4, 38, tzinfo=UTC),
        expires=datetime(2023, 1, 9, 8, 4, 38, tzinfo=UTC),
        warm_up_until=datetime(2022, 12, 25, 9, 4, 38, tzinfo=UTC),
    )


@needs_recorded
def test_recorded_connections_are_read_whole() -> None:
    found = visible_wearers(recorded("librelinkup_connections.json"))
    assert [(wearer.id, wearer.name) for wearer in found] == [
        ("77179667-ba4b-11eb-ad1f-0242ac110004", "Jane Doe"),
        ("7ad66b40-ba9b-401e-9845-4f49f998cf16", "John Doe"),
    ]
