"""Who is called when: after how long without Home Assistant, how often, and how it ends."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, strategies as st

from edge_agent.call_plan import (
    OVER_WITHIN_SECONDS,
    CallRules,
    Plan,
    Sight,
    Word,
    advanced,
    reached,
)

RULES = CallRules(after=300.0, repeats=300.0, most=3, ways=frozenset({"webhook", "ntfy"}))
LOW_ALONE = Sight(on=True, away=True)
LOW_AT_HOME = Sight(on=True, away=False)
WELL = Sight(on=False, away=False)


def looked(plan: Plan, *sights: Sight, every: float = 60.0) -> Plan:
    """Look once for each sight, a minute apart."""
    for sight in sights:
        plan = advanced(plan, sight, RULES, every)
    return plan


def got_through(plan: Plan) -> Plan:
    for way in sorted(plan.owed):
        plan = reached(plan, way)
    return plan


def called_once() -> Plan:
    return got_through(looked(Plan(), *[LOW_ALONE] * 6))


def test_nobody_is_called_while_home_assistant_may_still_answer() -> None:
    waiting = looked(Plan(), *[LOW_ALONE] * 5)
    assert waiting.word is None
    called = looked(waiting, LOW_ALONE)
    assert (called.word, called.owed, called.calls) == (Word.CALL, RULES.ways, 0)


def test_a_home_long_gone_is_not_waited_for_again() -> None:
    gone = looked(Plan(), *[Sight(on=False, away=True)] * 10)
    assert gone.word is None
    assert looked(gone, LOW_ALONE).word is Word.CALL


def test_a_home_that_came_back_is_waited_for_anew() -> None:
    back = looked(Plan(), *[LOW_ALONE] * 5, LOW_AT_HOME, *[LOW_ALONE] * 5)
    assert back.word is None
    assert looked(back, LOW_ALONE).word is Word.CALL


def test_it_repeats_as_the_table_says_up_to_the_most() -> None:
    plan, calls = Plan(), []
    for minute in range(60):
        plan = looked(plan, LOW_ALONE)
        if plan.word is Word.CALL:
            calls.append(minute)
            plan = got_through(plan)
    assert calls == [5, 10, 15]
    assert plan.calls == RULES.most


def test_recovering_holds_repeats_back_but_not_the_first_call() -> None:
    recovering = Sight(on=True, away=True, held_back=True)
    plan = looked(Plan(), *[recovering] * 6)
    assert plan.word is Word.CALL
    plan = looked(got_through(plan), *[recovering] * 20)
    assert (plan.word, plan.calls) == (None, 1)
    assert looked(plan, LOW_ALONE).word is Word.CALL


def test_over_is_said_to_who_was_called_and_once() -> None:
    over = looked(called_once(), WELL)
    assert (over.word, over.owed, over.told, over.calls) == (Word.OVER, RULES.ways, False, 0)
    assert looked(got_through(over), *[WELL] * 5).word is None


def test_over_while_home_assistant_is_still_away_is_said_too() -> None:
    assert looked(called_once(), Sight(on=False, away=True)).word is Word.OVER


def test_home_assistant_back_is_said_and_its_own_alarm_says_the_rest() -> None:
    back = looked(called_once(), LOW_AT_HOME)
    assert (back.word, back.told, back.calls) == (Word.BACK, False, 1)
    assert looked(got_through(back), LOW_AT_HOME, WELL).word is None


def test_a_home_that_comes_and_goes_gets_no_more_calls_for_one_episode() -> None:
    plan, calls = Plan(), 0
    for _ in range(20):
        plan = looked(plan, *[LOW_ALONE] * 7)
        if plan.word is Word.CALL:
            calls += 1
        plan = got_through(looked(got_through(plan), LOW_AT_HOME))
    assert calls == RULES.most


def test_a_call_that_reached_nobody_needs_no_end() -> None:
    trying = looked(Plan(), *[LOW_ALONE] * 30)
    assert (trying.word, trying.calls) == (Word.CALL, 0)
    given_up = looked(trying, WELL)
    assert (given_up.word, given_up.owed, given_up.told) == (None, frozenset(), False)


def test_one_way_that_fails_does_not_make_the_other_ring_more() -> None:
    half = reached(looked(Plan(), *[LOW_ALONE] * 6), "ntfy")
    assert (half.calls, half.word) == (1, Word.CALL)
    assert half.owed == {"webhook"}
    again = looked(half, *[LOW_ALONE] * 4)
    assert again.owed == {"webhook"}
    assert looked(again, LOW_ALONE).owed == RULES.ways
    late = reached(half, "webhook")
    assert (late.calls, late.word) == (1, None)


def test_that_it_is_over_is_given_up_when_it_helps_nobody() -> None:
    over = looked(called_once(), WELL)
    late = looked(over, *[WELL] * int(OVER_WITHIN_SECONDS // 60))
    assert late.word is Word.OVER
    assert looked(late, WELL).word is None


def test_a_way_no_longer_set_is_owed_nothing() -> None:
    plan = looked(Plan(), *[LOW_ALONE] * 6)
    fewer = CallRules(after=300.0, repeats=300.0, most=3, ways=frozenset({"ntfy"}))
    assert advanced(plan, LOW_ALONE, fewer, 1.0).owed == {"ntfy"}


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans())))
def test_whatever_happens_calls_are_bounded_apart_and_ended(
    looks: list[tuple[bool, bool, bool, bool]],
) -> None:
    plan, in_episode = Plan(), 0
    rang: list[tuple[int, int]] = []
    for minute, (on, away, held_back, works) in enumerate(looks):
        plan = looked(plan, Sight(on=on, away=away, held_back=held_back))
        if not on:
            in_episode = 0
        if plan.word is Word.CALL:
            assert on
            assert away
        if works and plan.owed:
            rings = plan.word is Word.CALL and not plan.reached
            plan = got_through(plan)
            if rings:
                in_episode += 1
                rang.append((minute, in_episode))
        assert in_episode <= RULES.most
        # Whoever was called hears of the end as soon as there is one.
        assert not plan.told or (on and away)
    for (one, _), (other, place) in pairwise(rang):
        assert place == 1 or other - one >= 5
