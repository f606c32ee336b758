"""Unmodified pydexcom keeps the fake honest: only its table of addresses is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from pydexcom import Dexcom, Region
from pydexcom.const import DEXCOM_BASE_URLS
from pydexcom.errors import (
    AccountError,
    AccountErrorEnum,
    ArgumentError,
    ArgumentErrorEnum,
    DexcomErrorEnum,
    ServerError,
    ServerErrorEnum,
    SessionError,
    SessionErrorEnum,
)

from fakes.dexcom_share import AUTHENTICATE, READ, ZERO_ID, FakeDexcomShare, Publisher, Row, coded
from fakes.serving import Fault, connection_reset, empty_body, html_503, truncated_json

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ROWS = [
    Row(time=NOW - timedelta(minutes=11), value=401, trend="DoubleUp"),
    Row(time=NOW - timedelta(minutes=6), value=112, trend="FortyFiveDown"),
    Row(time=NOW - timedelta(minutes=1), value=39, trend="NotComputable"),
]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDexcomShare]:
    fake = FakeDexcomShare(rows=ROWS, clock=lambda: NOW)
    with fake.serving_in_thread() as url:
        for region in Region:
            monkeypatch.setitem(DEXCOM_BASE_URLS, region, fake.base_url(url))
        yield fake


def client(fake: FakeDexcomShare, *, region: Region = Region.US) -> Dexcom:
    publisher = fake.publisher
    return Dexcom(username=publisher.name, password=publisher.password, region=region)


def test_it_logs_in_and_reads_newest_first(fake: FakeDexcomShare) -> None:
    readings = client(fake).get_glucose_readings()

    assert [(reading.value, reading.trend_direction) for reading in readings] == [
        (39, "NotComputable"),
        (112, "FortyFiveDown"),
        (401, "DoubleUp"),
    ]
    assert [reading.datetime for reading in readings] == [row.time for row in reversed(ROWS)]
    assert readings[0].datetime.utcoffset() == timedelta(hours=-4)
    assert (fake.logins, fake.bad_logins, fake.reads) == (1, 0, 1)


def test_it_logs_in_by_account_id(fake: FakeDexcomShare) -> None:
    dexcom = Dexcom(account_id=fake.publisher.id, password=fake.publisher.password)

    assert dexcom.get_current_glucose_reading() is not None
    assert fake.asked(AUTHENTICATE) == []


@pytest.mark.parametrize(
    ("minutes", "count", "values"),
    [(0, 10, []), (10, 0, []), (10, 1, [39]), (10, 10, [39, 112]), (1440, 288, [39, 112, 401])],
)
def test_minutes_and_count_limit_the_answer(
    fake: FakeDexcomShare, minutes: int, count: int, values: list[int]
) -> None:
    readings = client(fake).get_glucose_readings(minutes, count)

    assert [reading.value for reading in readings] == values


def test_a_jp_account_is_known_under_jps_application_id(fake: FakeDexcomShare) -> None:
    fake.region = "jp"
    fake.publisher = Publisher(region="jp")

    assert client(fake, region=Region.JP).get_latest_glucose_reading() is not None
    with pytest.raises(AccountError):
        client(fake, region=Region.US)


def test_a_reading_is_seen_from_when_it_is_visible(fake: FakeDexcomShare) -> None:
    fake.rows = [Row(time=NOW - timedelta(seconds=30), visible_at=NOW + timedelta(seconds=9))]
    dexcom = client(fake)

    assert dexcom.get_glucose_readings() == []
    fake.clock = lambda: NOW + timedelta(seconds=9)
    assert len(dexcom.get_glucose_readings()) == 1


def test_a_lost_session_is_replaced(fake: FakeDexcomShare) -> None:
    dexcom = client(fake)
    fake.drop_sessions()

    assert len(dexcom.get_glucose_readings()) == 3
    assert fake.logins == 2


def test_a_session_that_expires_by_the_clock_is_replaced(fake: FakeDexcomShare) -> None:
    fake.session_lifetime = timedelta(hours=1)
    dexcom = client(fake)
    fake.clock = lambda: NOW + timedelta(hours=2)

    assert len(dexcom.get_glucose_readings()) == 3
    assert fake.logins == 2


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("SessionIdNotFound", SessionErrorEnum.NOT_FOUND),
        ("SessionNotValid", SessionErrorEnum.INVALID),
    ],
)
def test_both_codes_of_a_lost_session_are_known(
    fake: FakeDexcomShare, code: str, expected: DexcomErrorEnum
) -> None:
    dexcom = client(fake)
    fake.session_fault = code
    fake.session_lifetime = timedelta(0)

    with pytest.raises(SessionError) as caught:
        dexcom.get_glucose_readings()
    assert caught.value.enum is expected


def wrong_password(fake: FakeDexcomShare) -> None:
    fake.publisher.password = "changed-meanwhile"  # compared with what the client sends


def wrong_region(fake: FakeDexcomShare) -> None:
    fake.publisher.region = "ous"


def no_follower(fake: FakeDexcomShare) -> None:
    fake.has_follower = False


def refused_for_nothing(fake: FakeDexcomShare) -> None:
    fake.spurious_refusals = 1


def json_sub_code(fake: FakeDexcomShare) -> None:
    fake.json_sub_code = True
    fake.has_follower = False


@pytest.mark.parametrize(
    "switch", [wrong_password, wrong_region, no_follower, refused_for_nothing, json_sub_code]
)
def test_refused_credentials_are_pydexcoms_failed_authentication(
    fake: FakeDexcomShare, switch: Callable[[FakeDexcomShare], None]
) -> None:
    name, password = fake.publisher.name, fake.publisher.password
    switch(fake)

    with pytest.raises(AccountError) as caught:
        Dexcom(username=name, password=password)
    assert caught.value.enum is AccountErrorEnum.FAILED_AUTHENTICATION
    assert (fake.logins, fake.bad_logins) == (0, 1)


def test_after_too_many_bad_logins_even_a_good_one_is_refused_until_unlocked(
    fake: FakeDexcomShare,
) -> None:
    fake.lock_after = 2
    for _ in range(2):
        with pytest.raises(AccountError):
            Dexcom(username=fake.publisher.name, password="wrong")

    with pytest.raises(AccountError) as caught:
        client(fake)
    assert caught.value.enum is AccountErrorEnum.MAX_ATTEMPTS
    fake.unlock()
    assert client(fake).get_latest_glucose_reading() is not None


def test_a_lock_ends_by_the_clock(fake: FakeDexcomShare) -> None:
    fake.lock_after = 1
    fake.locked_for = timedelta(minutes=30)
    with pytest.raises(AccountError):
        Dexcom(username=fake.publisher.name, password="wrong")
    fake.clock = lambda: NOW + timedelta(minutes=30)

    assert client(fake).account_id == fake.publisher.id


def test_the_all_zero_session_is_what_pydexcom_calls_default(fake: FakeDexcomShare) -> None:
    fake.zero_sessions = 1

    with pytest.raises(ArgumentError) as caught:
        client(fake)
    assert caught.value.enum is ArgumentErrorEnum.SESSION_ID_DEFAULT
    assert client(fake).get_latest_glucose_reading() is not None


def test_the_all_zero_account_is_what_pydexcom_calls_default(fake: FakeDexcomShare) -> None:
    fake.zero_accounts = 1

    with pytest.raises(ArgumentError) as caught:
        client(fake)
    assert caught.value.enum is ArgumentErrorEnum.ACCOUNT_ID_DEFAULT


def test_reading_with_the_all_zero_session_answers_an_empty_body(fake: FakeDexcomShare) -> None:
    dexcom = client(fake)
    services = DEXCOM_BASE_URLS[Region.US]

    answer = requests.post(
        services + "Publisher/ReadPublisherLatestGlucoseValues",
        params={"sessionId": ZERO_ID, "minutes": "10", "maxCount": "1"},
        json={},
        timeout=5,
    )
    assert (answer.status_code, answer.content) == (200, b"")
    fake.fail(empty_body, times=1, path=READ)
    with pytest.raises(ServerError) as caught:
        dexcom.get_glucose_readings()
    assert caught.value.enum is ServerErrorEnum.INVALID_JSON


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (coded("SSO_Whatever", "news"), ServerErrorEnum.UNKNOWN_CODE),
        (
            coded("SSO_InternalError", "Cannot Authenticate by AccountName"),
            AccountErrorEnum.FAILED_AUTHENTICATION,
        ),
        (coded("InvalidArgument", "accountName"), ArgumentErrorEnum.USERNAME_INVALID),
        (coded("InvalidArgument", "password"), ArgumentErrorEnum.PASSWORD_INVALID),
        (coded("InvalidArgument", "UUID"), ArgumentErrorEnum.ACCOUNT_ID_INVALID),
        (html_503, ServerErrorEnum.INVALID_JSON),
        (truncated_json, ServerErrorEnum.INVALID_JSON),
    ],
)
def test_each_fault_is_pydexcoms_own_error_and_then_gone(
    fake: FakeDexcomShare, fault: Fault, expected: DexcomErrorEnum
) -> None:
    fake.fail(fault, times=1)

    with pytest.raises((AccountError, ArgumentError, ServerError)) as caught:
        client(fake)
    assert caught.value.enum is expected
    assert client(fake).get_latest_glucose_reading() is not None


def test_a_malformed_account_id_is_answered_as_recorded(fake: FakeDexcomShare) -> None:
    answer = requests.post(
        DEXCOM_BASE_URLS[Region.US] + "General/LoginPublisherAccountById",
        json={"accountId": "1", "password": "any", "applicationId": ""},
        timeout=5,
    )

    assert answer.status_code == 500
    assert answer.json()["Code"] == "InvalidArgument"
    assert "UUID" in answer.json()["Message"]


@pytest.mark.parametrize("account_id", ["", ZERO_ID])
def test_an_empty_account_id_logs_in_to_nothing_as_recorded(
    fake: FakeDexcomShare, account_id: str
) -> None:
    answer = requests.post(
        DEXCOM_BASE_URLS[Region.US] + "General/LoginPublisherAccountById",
        json={"accountId": account_id, "password": "any", "applicationId": ""},
        timeout=5,
    )

    assert (answer.status_code, answer.json()) == (200, ZERO_ID)


def test_a_reset_connection_is_one(fake: FakeDexcomShare) -> None:
    dexcom = client(fake)
    fake.fail(connection_reset, times=1)

    with pytest.raises(requests.ConnectionError):
        dexcom.get_glucose_readings()
    assert len(dexcom.get_glucose_readings()) == 3


def test_integer_trends_are_more_than_pydexcom_reads(fake: FakeDexcomShare) -> None:
    fake.integer_trends = True

    with pytest.raises(ArgumentError):
        client(fake).get_glucose_readings()


def test_slashed_dates_are_more_than_pydexcom_reads(fake: FakeDexcomShare) -> None:
    fake.slash_dates = True
    (reading,) = client(fake).get_glucose_readings(max_count=1)

    with pytest.raises(AttributeError):
        _ = reading.datetime


def test_sharing_switched_off_is_an_empty_list(fake: FakeDexcomShare) -> None:
    fake.sharing = False

    assert client(fake).get_glucose_readings() == []


def test_a_second_upload_comes_seconds_later_with_the_same_value(fake: FakeDexcomShare) -> None:
    fake.second_upload = timedelta(seconds=9)
    newest, second = client(fake).get_glucose_readings(max_count=2)

    assert newest.value == second.value == 39
    assert newest.datetime - second.datetime == timedelta(seconds=9)


def test_changing_the_password_ends_sessions(fake: FakeDexcomShare) -> None:
    dexcom = client(fake)
    fake.change_password("another-password")

    with pytest.raises(AccountError):
        dexcom.get_glucose_readings()
    assert client(fake).get_latest_glucose_reading() is not None


def test_the_date_header_is_the_fakes_clock(fake: FakeDexcomShare) -> None:
    fake.date_offset = timedelta(hours=1)
    answer = requests.post(DEXCOM_BASE_URLS[Region.US] + "nowhere", json={}, timeout=5)

    assert answer.headers["Date"] == "Wed, 04 Mar 2026 06:06:07 GMT"
