"""Every error the library raises, named for what the user has to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class GlucoseError(Exception):
    """Parent of every error raised on purpose in this library."""


class InvalidRecordError(GlucoseError, ValueError):
    """A value cannot be a treatment, measurement or reading: refuse this row, keep the others."""


class InvalidReadingError(InvalidRecordError):
    """A value cannot be a glucose reading: refuse this row, keep the others."""


class SourceUnreachable(GlucoseError):  # noqa: N818 - named for the state the user sees
    """The source did not answer usefully: wait, then ask again.

    `retry_after` is how long the source asked us to wait, None where it did not say.
    `banned` tells a refusal of the whole address (HTML page, 429, 430, 403) from an outage.
    """

    def __init__(
        self, reason: str, *, retry_after: timedelta | None = None, banned: bool = False
    ) -> None:
        """Keep a reason free of names, tokens and addresses."""
        super().__init__(reason)
        self.retry_after = retry_after
        self.banned = banned


class CredentialsRejected(GlucoseError):  # noqa: N818 - as above
    """The source refused name, password, secret or token: log in again.

    Vendors refuse spuriously now and then, so one refusal is not yet `confirmed`; a second
    one, some minutes later, is. Ask the user to log in only then.
    """

    def __init__(self, reason: str, *, confirmed: bool = False) -> None:
        """Tell a first refusal from a confirmed one."""
        super().__init__(reason)
        self.confirmed = confirmed


class AccountLocked(GlucoseError):  # noqa: N818 - as above
    """The vendor locked the account: wait until `until` (aware UTC), None where it did not say."""

    def __init__(self, reason: str, *, until: datetime | None = None) -> None:
        """Keep the end of the lock, where the vendor told one."""
        super().__init__(reason)
        self.until = until


class TermsNotAccepted(GlucoseError):  # noqa: N818 - as above
    """The vendor wants new terms accepted: open its app, accept, come back."""


class SharingDisabled(GlucoseError):  # noqa: N818 - as above
    """Login works but nobody's readings are shared: switch sharing on in the wearer's app."""


class ClientVersionRefused(GlucoseError):  # noqa: N818 - as above
    """The vendor no longer takes the client version we send: raise it in the source's settings."""


class UnexpectedAnswer(GlucoseError):  # noqa: N818 - as above
    """The source answered something outside its contract: report it, meanwhile ask again later."""


class StoreError(GlucoseError):
    """Parent of what can go wrong with the history on disk."""


class StoreTooNew(StoreError):  # noqa: N818 - as above
    """The history was written by a newer release: update, nothing was changed."""


class StoreUnavailable(StoreError):  # noqa: N818 - as above
    """The history cannot be read or written now (disk full, locked): free the disk."""


class StoreDamaged(StoreError):  # noqa: N818 - as above
    """The history was found damaged while in use: open it again, which sets it aside."""


class UnrecognisedExport(GlucoseError):  # noqa: N818 - as above
    """The file is no export this library reads: export it again as the message says."""


class AmbiguousDates(UnrecognisedExport):
    """The file's dates can be read with the day or the month first: say which."""
