"""The fake LibreLinkUp is kept honest by pylibrelinkup, which knows nothing of it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from fakes.librelinkup import FakeLibreLinkUp, FakePatient, cloudflare_1015
from fakes.serving import too_many_requests

pylibrelinkup = pytest.importorskip(
    "pylibrelinkup", reason="pylibrelinkup is installed beside Home Assistant only"
)
requests = pytest.importorskip("requests")

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def rising_to(level: int) -> Callable[[datetime], float]:
    return lambda time: level + (time - START) / timedelta(hours=1)


class Stage:
    """The fake with two patients, a day into the past, and the foreign client's login."""

    def __init__(self) -> None:
        self.fake = FakeLibreLinkUp(clock=lambda: START)
        self.ada = self.fake.follow(FakePatient(given="Ada", family="Example"))
        self.bo = self.fake.follow(FakePatient(given="Bo", family="Example"))
        for patient, level in ((self.ada, 104), (self.bo, 211)):
            patient.wears(START - timedelta(days=3))
            patient.play(rising_to(level), start=START - timedelta(days=1), minutes=24 * 60 + 1)
        self.url = ""

    def client(self, *, password: str | None = None) -> Any:  # noqa: ANN401 - it may not be installed
        client = pylibrelinkup.PyLibreLinkUp(
            email=self.fake.email, password=password or self.fake.password
        )
        # Its own public attribute; the constructor takes the real hosts alone.
        client.api_url = f"{self.url}/eu"
        return client

    def logged_in(self) -> Any:  # noqa: ANN401 - as above
        client = self.client()
        client.authenticate()
        return client


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    with stage.fake.serving_in_thread() as url:
        stage.url = url
        yield stage


def test_it_logs_in_and_lists_the_patients(stage: Stage) -> None:
    patients = stage.logged_in().get_patients()
    assert [(str(patient.patient_id), patient.first_name) for patient in patients] == [
        (stage.ada.id, "Ada"),
        (stage.bo.id, "Bo"),
    ]
    assert stage.fake.logins == 1


def test_it_reads_the_current_value(stage: Stage) -> None:
    latest = stage.logged_in().latest(stage.ada.id)
    assert latest.factory_timestamp == START
    assert latest.value_in_mg_per_dl == 104
    assert latest.trend is pylibrelinkup.models.data.Trend.STABLE


def test_it_reads_twelve_hours_of_graph(stage: Stage) -> None:
    points = stage.logged_in().graph(stage.bo.id)
    times = [point.factory_timestamp for point in points]
    assert times[0] >= START - timedelta(hours=12)
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(minutes=5)}
    assert len(points) == 143
    assert stage.logged_in().logbook(stage.bo.id) == []


def test_it_is_sent_on_to_the_region(stage: Stage) -> None:
    stage.fake.redirects = {"eu": "eu2"}
    with pytest.raises(pylibrelinkup.RedirectError) as caught:
        stage.client().authenticate()
    assert caught.value.region is pylibrelinkup.APIUrl.EU2
    client = stage.client()
    client.api_url = f"{stage.url}/eu2"
    client.authenticate()
    assert len(client.get_patients()) == 2


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("tou", pylibrelinkup.TermsOfUseError),
        ("pp", pylibrelinkup.PrivacyPolicyError),
        ("verifyEmail", pylibrelinkup.EmailVerificationError),
    ],
)
def test_it_sees_what_waits_in_the_app(stage: Stage, step: str, error: type[Exception]) -> None:
    stage.fake.step = step
    with pytest.raises(error):
        stage.client().authenticate()
    stage.fake.step = None
    assert len(stage.logged_in().get_patients()) == 2


def test_it_sees_a_refused_password(stage: Stage) -> None:
    with pytest.raises(pylibrelinkup.AuthenticationError):
        stage.client(password="wrong").authenticate()
    assert stage.fake.bad_logins == 1


def test_it_sees_a_patient_who_left(stage: Stage) -> None:
    client = stage.logged_in()
    stage.fake.forgets = {stage.ada.id}
    with pytest.raises(pylibrelinkup.PatientNotFoundError):
        client.latest(stage.ada.id)
    assert client.latest(stage.bo.id).value_in_mg_per_dl == 211


def test_it_sees_a_limit_of_rates(stage: Stage) -> None:
    client = stage.logged_in()
    stage.fake.fail(too_many_requests(120))
    with pytest.raises(pylibrelinkup.LLUAPIRateLimitError) as caught:
        client.get_patients()
    assert caught.value.retry_after == 120
    stage.fake.heal()
    stage.fake.fail(cloudflare_1015)
    with pytest.raises(pylibrelinkup.LLUAPIRateLimitError):
        client.get_patients()


def test_it_sees_a_session_that_ended(stage: Stage) -> None:
    client = stage.logged_in()
    stage.fake.end_sessions()
    with pytest.raises(requests.HTTPError) as caught:
        client.get_patients()
    assert caught.value.response.status_code == 401
    client.authenticate()
    assert len(client.get_patients()) == 2


@pytest.mark.parametrize("status", [400, 403])
def test_it_is_shut_out_below_the_floor_of_versions(stage: Stage, status: int) -> None:
    stage.fake.floor = "99.0.0"
    stage.fake.floor_status = status
    client = stage.logged_in()
    with pytest.raises(requests.HTTPError) as caught:
        client.get_patients()
    assert caught.value.response.status_code == status


def test_it_is_shut_out_of_the_login_below_the_floor(stage: Stage) -> None:
    stage.fake.floor = "99.0.0"
    stage.fake.floor_status = 430
    with pytest.raises(requests.HTTPError) as caught:
        stage.client().authenticate()
    assert caught.value.response.status_code == 430


def test_without_its_account_id_it_is_told_so(stage: Stage) -> None:
    client = stage.logged_in()
    client.account_id_hash = None
    with pytest.raises(requests.HTTPError) as caught:
        client.get_patients()
    assert caught.value.response.json() == {"message": "RequiredHeaderMissing"}


def test_it_is_refused_while_the_account_is_locked(stage: Stage) -> None:
    stage.fake.locks_after = 1
    with pytest.raises(requests.HTTPError) as caught:
        stage.client(password="wrong").authenticate()
    assert caught.value.response.json()["data"]["data"]["lockout"] == 300
    stage.fake.locked = False
    assert len(stage.logged_in().get_patients()) == 2


def test_it_reads_although_optional_fields_are_missing(stage: Stage) -> None:
    stage.fake.omits = {"c", "sd", "u", "fixedLowThreshold", "trustedDeviceToken"}
    assert stage.logged_in().latest(stage.ada.id).value_in_mg_per_dl == 104


def test_it_reads_a_value_above_the_range_as_the_number_it_is(stage: Stage) -> None:
    stage.ada.measure(START, 420).is_high = True
    stage.ada.current.reverse()
    assert stage.logged_in().latest(stage.ada.id).value_in_mg_per_dl == 420
