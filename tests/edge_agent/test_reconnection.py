"""How soon the agent connects again, by how its connections ended."""

from __future__ import annotations

import pytest

from edge_agent.reconnection import (
    GOOD_SECONDS,
    LEAST_CONTESTED_SECONDS,
    MOST_CONTESTED_SECONDS,
    MOST_PAUSE_SECONDS,
    End,
    Reconnection,
)


def full() -> float:
    return 1.0


@pytest.mark.parametrize(("jitter", "pause"), [(0.0, 0.5), (1.0, 1.0)])
def test_a_pause_is_spread_so_that_not_all_agents_come_at_once(jitter: float, pause: float) -> None:
    assert Reconnection(jitter=lambda: jitter).pause_after(0.0, End.UNREACHED) == pause


def test_a_broker_that_is_away_is_asked_ever_less_but_each_minute() -> None:
    reconnection = Reconnection(jitter=full)
    pauses = [reconnection.pause_after(0.0, End.UNREACHED) for _ in range(8)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, MOST_PAUSE_SECONDS]
    assert not reconnection.contested


def test_after_a_good_connection_it_is_brisk_again() -> None:
    reconnection = Reconnection(jitter=full)
    for _ in range(8):
        reconnection.pause_after(0.0, End.UNREACHED)
    assert reconnection.good_after == 2 * MOST_PAUSE_SECONDS
    assert reconnection.pause_after(GOOD_SECONDS, End.LOST) == MOST_PAUSE_SECONDS
    assert reconnection.pause_after(2 * MOST_PAUSE_SECONDS, End.LOST) == 1.0


def test_a_denied_topic_costs_no_pause_and_is_nobody_elses_doing() -> None:
    reconnection = Reconnection(jitter=full)
    assert [reconnection.pause_after(0.0, End.DENIED) for _ in range(6)] == [1.0] * 6
    assert not reconnection.contested
    assert reconnection.short_ones == 0


def test_a_name_that_is_taken_is_fought_for_ever_less() -> None:
    reconnection = Reconnection(jitter=full)
    pauses = [reconnection.pause_after(1.0, End.TAKEN_OVER) for _ in range(5)]
    assert pauses == [LEAST_CONTESTED_SECONDS, 60.0, 120.0, 240.0, MOST_CONTESTED_SECONDS]
    # The other one pauses as long: a connection of ours that holds meanwhile proves nothing.
    assert reconnection.pause_after(MOST_CONTESTED_SECONDS, End.TAKEN_OVER) == pauses[-1]
    assert reconnection.contested
    assert reconnection.pause_after(2 * MOST_CONTESTED_SECONDS, End.LOST) == 1.0
    assert not reconnection.contested


def test_connections_that_end_again_and_again_without_a_word_are_somebody_elses_doing() -> None:
    reconnection = Reconnection(jitter=full)
    pauses = [reconnection.pause_after(1.0, End.LOST) for _ in range(3)]
    assert pauses == [1.0, 2.0, LEAST_CONTESTED_SECONDS]
    assert reconnection.contested


def test_a_broker_that_is_away_meanwhile_is_asked_as_ever() -> None:
    reconnection = Reconnection(jitter=full)
    for _ in range(5):
        reconnection.pause_after(1.0, End.TAKEN_OVER)
    assert reconnection.pause_after(0.0, End.UNREACHED) == MOST_PAUSE_SECONDS
