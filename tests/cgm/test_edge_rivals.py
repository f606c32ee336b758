"""Two agents under one name are told from one that restarts, and from a network that repeats."""

import pytest

from custom_components.cgm.edge_rivals import Rivals

HOUR = 3600.0


def heard(epochs: str, every: float = 300.0) -> Rivals:
    """Return what is known after messages of these epochs, one letter each, `every` seconds."""
    rivals = Rivals()
    for turn, epoch in enumerate(epochs):
        rivals.heard(epoch, turn * every)
    return rivals


@pytest.mark.parametrize("epochs", ["", "a", "aaaa", "abcdefgh", "aabbccdd", "abcdefghijklmnop"])
def test_an_agent_that_restarts_is_alone(epochs: str) -> None:
    assert not heard(epochs, every=1).stand(len(epochs))


@pytest.mark.parametrize("epochs", ["aba", "abab", "aabbaabb", "abcdb", "abbbabbb"])
def test_a_message_that_came_late_or_twice_proves_nothing(epochs: str) -> None:
    assert not heard(epochs, every=1).stand(len(epochs))


@pytest.mark.parametrize("epochs", ["ababa", "aabbaabba", "abcabc", "abacada"])
def test_epochs_that_take_turns_are_two_agents(epochs: str) -> None:
    assert heard(epochs).stand(len(epochs) * 300.0)


def test_an_hour_without_turns_ends_it() -> None:
    rivals = heard("ababa")
    rivals.heard("a", 3 * HOUR)
    assert not rivals.stand(3 * HOUR)


def test_turns_that_are_hours_apart_prove_nothing() -> None:
    assert not heard("abababab", every=HOUR).stand(8 * HOUR)


def test_only_the_epochs_heard_last_are_remembered() -> None:
    assert not heard("abcdefghi" * 3, every=1).stand(27)
