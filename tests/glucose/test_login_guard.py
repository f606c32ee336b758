"""Credentials are confirmed once, then hardly ever sent again, whatever the clock says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from fakes.hand_clock import Elapsed
from glucose.errors import AccountLocked, CredentialsRejected, GlucoseError
from glucose.sources.login import CONFIRM_AFTER, LOCKED_FOR, REPEAT_AFTER, LoginGuard

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_new_guard_lets_a_login_through() -> None:
    guard = LoginGuard(Elapsed())

    guard.check()

    assert guard.may_ask_in == timedelta(0)


def test_a_first_refusal_is_unconfirmed_and_closes_for_ten_minutes() -> None:
    elapsed = Elapsed()
    guard = LoginGuard(elapsed)

    assert guard.refused("no").confirmed is False

    elapsed.pass_by(CONFIRM_AFTER - timedelta(seconds=1))
    with pytest.raises(CredentialsRejected) as held:
        guard.check()
    assert held.value.confirmed is False
    assert guard.may_ask_in == timedelta(seconds=1)
    elapsed.pass_by(timedelta(seconds=1))
    guard.check()


def test_a_second_refusal_is_confirmed_and_closes_for_six_hours() -> None:
    elapsed = Elapsed()
    guard = LoginGuard(elapsed)
    guard.refused("no")
    elapsed.pass_by(CONFIRM_AFTER)

    assert guard.refused("no").confirmed is True

    elapsed.pass_by(REPEAT_AFTER - timedelta(seconds=1))
    with pytest.raises(CredentialsRejected) as held:
        guard.check()
    assert held.value.confirmed is True
    elapsed.pass_by(timedelta(seconds=1))
    guard.check()


def test_a_spurious_refusal_is_forgotten_after_a_good_login() -> None:
    elapsed = Elapsed()
    guard = LoginGuard(elapsed)
    guard.refused("no")
    elapsed.pass_by(CONFIRM_AFTER)

    guard.accepted()

    guard.check()
    assert guard.refused("no").confirmed is False


def test_a_refusal_confirmed_before_a_restart_still_holds() -> None:
    elapsed = Elapsed()
    guard = LoginGuard(elapsed, refused=True)

    with pytest.raises(CredentialsRejected) as held:
        guard.check()
    assert held.value.confirmed is True
    elapsed.pass_by(REPEAT_AFTER)
    guard.check()
    assert guard.refused("no").confirmed is True


@pytest.mark.parametrize(
    ("duration", "lasting"),
    [(timedelta(minutes=5), timedelta(minutes=5)), (None, LOCKED_FOR)],
    ids=["told", "not told"],
)
def test_a_lock_closes_until_its_end(duration: timedelta | None, lasting: timedelta) -> None:
    elapsed = Elapsed()
    guard = LoginGuard(elapsed)

    assert guard.locked(NOW, duration).until == NOW + lasting

    elapsed.pass_by(lasting - timedelta(seconds=1))
    with pytest.raises(AccountLocked) as held:
        guard.check()
    assert held.value.until == NOW + lasting
    elapsed.pass_by(timedelta(seconds=1))
    guard.check()


def test_a_lock_never_opens_what_a_refusal_had_closed_for_longer() -> None:
    elapsed = Elapsed()
    guard = LoginGuard(elapsed, refused=True)

    guard.locked(NOW, timedelta(minutes=5))

    elapsed.pass_by(timedelta(minutes=6))
    with pytest.raises(CredentialsRejected) as held:
        guard.check()
    assert held.value.confirmed is True


def test_a_refusal_never_opens_what_a_lock_had_closed_for_longer() -> None:
    elapsed = Elapsed()
    guard = LoginGuard(elapsed)
    guard.locked(NOW, timedelta(hours=1))

    guard.refused("no")

    elapsed.pass_by(timedelta(minutes=30))
    with pytest.raises(AccountLocked):
        guard.check()
    elapsed.pass_by(timedelta(minutes=30))
    guard.check()


@given(
    asks=st.lists(st.floats(0, 900), min_size=1, max_size=300),
    offset=st.floats(0, 1e9),
)
def test_refused_credentials_are_sent_at_most_twice_in_six_hours(
    asks: list[float], offset: float
) -> None:
    elapsed = Elapsed(offset)
    guard = LoginGuard(elapsed)
    sent: list[float] = []

    def log_in() -> None:
        guard.check()
        sent.append(elapsed())
        raise guard.refused("no")

    for pause in asks:
        elapsed.seconds += pause
        with pytest.raises(GlucoseError):
            log_in()

    spans = [later - earlier for earlier, later in zip(sent, sent[2:], strict=False)]
    assert all(span >= REPEAT_AFTER.total_seconds() - 1e-6 for span in spans)
