"""When credentials may be sent: a refusal is confirmed once, then they are hardly ever sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import AccountLocked, CredentialsRejected

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

# Dexcom refuses good passwords spuriously, probably when it limits rates
# (cgm-remote-monitor#8440), and locks accounts after a few bad ones.
CONFIRM_AFTER = timedelta(minutes=10)
REPEAT_AFTER = timedelta(hours=6)
# Used where a vendor locks an account and does not say for how long.
LOCKED_FOR = timedelta(minutes=30)


class LoginGuard:
    """Asked before every login, told of every outcome; shared by all who use one account.

    `elapsed` returns monotonic seconds: a clock that is set wrong or set back neither sends
    a bad password early nor holds a good one back.
    """

    def __init__(self, elapsed: Callable[[], float], *, refused: bool = False) -> None:
        """Begin unrefused, or with a refusal that was confirmed before a restart."""
        self._elapsed = elapsed
        self._refusals = 2 if refused else 0
        self._closed_until = elapsed() + REPEAT_AFTER.total_seconds() if refused else 0.0
        self._lock_ends = 0.0
        self._locked_until: datetime | None = None

    def check(self) -> None:
        """Return if a login may be tried now; else raise CredentialsRejected or AccountLocked."""
        if self._elapsed() < self._lock_ends:
            msg = "the vendor locked this account"
            raise AccountLocked(msg, until=self._locked_until)
        if self._elapsed() < self._closed_until:
            msg = "credentials were refused and are not sent again yet"
            raise CredentialsRejected(msg, confirmed=self._refusals > 1)

    def refused(self, reason: str) -> CredentialsRejected:
        """Note a refusal and return the error to raise."""
        self._refusals += 1
        confirmed = self._refusals > 1
        wait = REPEAT_AFTER if confirmed else CONFIRM_AFTER
        self._closed_until = self._elapsed() + wait.total_seconds()
        return CredentialsRejected(reason, confirmed=confirmed)

    def locked(self, now: datetime, duration: timedelta | None) -> AccountLocked:
        """Note a lock of the account from `now` (aware UTC) and return the error to raise.

        Credentials whose refusal is confirmed were sent again to get here: a lock shorter
        than their six hours does not let them out earlier.
        """
        lasting = LOCKED_FOR if duration is None else duration
        if self._refusals > 1:
            self._closed_until = self._elapsed() + REPEAT_AFTER.total_seconds()
        self._lock_ends = self._elapsed() + lasting.total_seconds()
        self._locked_until = now + lasting
        return AccountLocked("the vendor locked this account", until=self._locked_until)

    def accepted(self) -> None:
        """Forget refusals and locks: the login worked."""
        self._refusals = 0
        self._closed_until = 0.0
        self._lock_ends = 0.0
        self._locked_until = None

    @property
    def may_ask_in(self) -> timedelta:
        """How long until a login may be tried; zero if now."""
        opens = max(self._closed_until, self._lock_ends)
        return timedelta(seconds=max(0.0, opens - self._elapsed()))
