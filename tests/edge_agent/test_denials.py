"""Topics that a broker denies: said once, left alone, tried again ever less."""

from __future__ import annotations

from edge_agent.denials import FIRST_RETRY_SECONDS, MOST_RETRY_SECONDS, Denials

WHY = "this user is not authorised (135)"


def test_a_denied_topic_is_news_once() -> None:
    denials = Denials()
    said = f"the broker refuses publishing to a: {WHY}"
    assert denials.note("a", WHY, 0.0) == said
    assert denials.note("a", WHY, 1.0) is None
    assert denials.sentences == (said,)


def test_a_denied_topic_is_left_alone_for_ever_longer() -> None:
    denials = Denials()
    now, pauses = 0.0, []
    for _ in range(6):
        denials.note("a", WHY, now)
        began = now
        while denials.forbids("a", now):
            assert not denials.worth_trying("a", now)
            now += 10.0
        assert denials.worth_trying("a", now)
        pauses.append(now - began)
    doubled = [FIRST_RETRY_SECONDS * 2**times for times in range(6)]
    assert pauses == [min(pause, MOST_RETRY_SECONDS) for pause in doubled]


def test_other_topics_are_free() -> None:
    denials = Denials()
    denials.note("a", WHY, 0.0)
    assert not denials.forbids("b", 0.0)
    assert not denials.worth_trying("b", 0.0)


def test_a_subscription_forbids_no_publication() -> None:
    denials = Denials()
    said = denials.note("a", WHY, 0.0, subscription=True)
    assert said == f"the broker refuses a subscription to a: {WHY}"
    assert not denials.forbids("a", 0.0)


def test_a_topic_that_the_broker_takes_is_forgiven() -> None:
    denials = Denials()
    denials.note("a", WHY, 0.0)
    assert denials.forgive("a")
    assert not denials.forgive("a")
    assert (denials.topics, denials.sentences) == (frozenset(), ())
    assert denials.note("a", WHY, 1.0) is not None


def test_a_broker_begun_anew_is_tried_with_everything() -> None:
    denials = Denials()
    denials.note("a", WHY, 100.0)
    denials.try_all_again()
    assert not denials.forbids("a", 100.0)


def test_one_end_without_a_word_is_chance_and_two_are_not() -> None:
    denials = Denials()
    assert not denials.suspect("a")
    assert denials.suspect("a")


def test_an_end_that_says_nothing_of_a_topic_clears_it() -> None:
    denials = Denials()
    for other in (None, "b"):
        assert not denials.suspect("a")
        denials.suspect(other)
        assert not denials.suspect("a")
        denials.suspect(None)
