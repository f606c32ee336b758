"""Which topics the broker's rules keep from us, and when each is tried again."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_RETRY_SECONDS = 300.0
MOST_RETRY_SECONDS = 3600.0
# A broker that ends the connection without a word is believed the second time.
ENDS_TO_BELIEVE = 2


@dataclass(slots=True)
class _Denial:
    why: str
    subscription: bool
    pause: float
    retry_at: float


class Denials:
    """Topics with what the broker said of them; times are monotonic seconds.

    A denied publication ends the connection at some brokers (mosquitto before 2.0.15 among them),
    so it is not repeated with every message: that would be a connection a second.
    """

    def __init__(self) -> None:
        self._denied: dict[str, _Denial] = {}
        self._suspect: tuple[str, int] = ("", 0)

    @property
    def topics(self) -> frozenset[str]:
        """The topics that are denied."""
        return frozenset(self._denied)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is denied, a sentence each."""
        return tuple(_sentence(topic, denial) for topic, denial in sorted(self._denied.items()))

    def note(self, topic: str, why: str, now: float, *, subscription: bool = False) -> str | None:
        """Take a refusal; returns a sentence about it where it is news."""
        known = self._denied.get(topic)
        pause = FIRST_RETRY_SECONDS if known is None else known.pause
        if known is not None and now >= known.retry_at:
            pause = min(pause * 2, MOST_RETRY_SECONDS)
        self._denied[topic] = _Denial(why, subscription, pause, now + pause)
        return None if known is not None else _sentence(topic, self._denied[topic])

    def suspect(self, topic: str | None) -> bool:
        """Note what alone was under way when the broker ended the connection without a reason.

        None for an end that says nothing about any topic. Tells whether it is to be believed.
        """
        suspected, times = self._suspect
        if topic is None:
            self._suspect = ("", 0)
            return False
        times = times + 1 if topic == suspected else 1
        self._suspect = (topic, times)
        return times >= ENDS_TO_BELIEVE

    def forbids(self, topic: str, now: float) -> bool:
        """Tell whether a topic is to be left alone for now."""
        denial = self._denied.get(topic)
        return denial is not None and not denial.subscription and now < denial.retry_at

    def worth_trying(self, topic: str, now: float) -> bool:
        """Tell whether a topic was denied long enough ago to be tried again."""
        denial = self._denied.get(topic)
        return denial is not None and now >= denial.retry_at

    def forgive(self, topic: str) -> bool:
        """Note that the broker took a topic; tells whether that is news."""
        return self._denied.pop(topic, None) is not None

    def try_all_again(self) -> None:
        """Try all again: the broker may have been started anew, with other rules."""
        for denial in self._denied.values():
            denial.retry_at = 0.0


def _sentence(topic: str, denial: _Denial) -> str:
    what = "a subscription to" if denial.subscription else "publishing to"
    return f"the broker refuses {what} {topic}: {denial.why}"
