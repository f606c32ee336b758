"""How a source stands, in the words of the wire, and what its person has to do about it."""

from __future__ import annotations

from enum import StrEnum

from glucose.errors import (
    AccountLocked,
    ClientVersionRefused,
    CredentialsRejected,
    GlucoseError,
    SharingDisabled,
    SourceUnreachable,
    TermsNotAccepted,
)


class SourceState(StrEnum):
    """What a source is doing; `health` carries the word."""

    STARTING = "starting"
    OK = "ok"
    NO_READINGS = "no_readings"
    RETRYING = "retrying"
    WAITING_FOR_LOGIN = "waiting_for_login"
    LOCKED = "locked"
    TERMS_NOT_ACCEPTED = "terms_not_accepted"
    SHARING_DISABLED = "sharing_disabled"
    VERSION_REFUSED = "version_refused"
    UNEXPECTED_ANSWER = "unexpected_answer"
    PATIENT_NEEDED = "patient_needed"
    DISK_REFUSES = "disk_refuses"


class PatientNeededError(GlucoseError):
    """The account sees several people, or not the one in the settings: say which it is."""


_STATES: tuple[tuple[type[GlucoseError], SourceState], ...] = (
    (AccountLocked, SourceState.LOCKED),
    (TermsNotAccepted, SourceState.TERMS_NOT_ACCEPTED),
    (SharingDisabled, SourceState.SHARING_DISABLED),
    (ClientVersionRefused, SourceState.VERSION_REFUSED),
    (SourceUnreachable, SourceState.RETRYING),
    (PatientNeededError, SourceState.PATIENT_NEEDED),
    (GlucoseError, SourceState.UNEXPECTED_ANSWER),
)

_NEXT: tuple[tuple[type[GlucoseError], str], ...] = (
    (CredentialsRejected, "correct the login in the settings or its secret file, then restart"),
    (AccountLocked, "the vendor locked the account: wait, and do not try the login meanwhile"),
    (TermsNotAccepted, "open the vendor's app and accept its new terms"),
    (SharingDisabled, "switch sharing on in the wearer's app, with at least one follower"),
    (ClientVersionRefused, "set client_version to the app's newest version"),
    (SourceUnreachable, "look at the network and at the vendor's state; it is tried again"),
    (PatientNeededError, "set patient to one of the ids that `doctor --names` shows"),
    (GlucoseError, "report it: the vendor answered something new"),
)


def state_of(error: GlucoseError) -> SourceState:
    """Return the state that an error of an account puts its source in."""
    if isinstance(error, CredentialsRejected):
        return SourceState.WAITING_FOR_LOGIN if error.confirmed else SourceState.RETRYING
    return next(state for kind, state in _STATES if isinstance(error, kind))


def next_step(error: GlucoseError) -> str:
    """Return what to do about an error of an account."""
    return next(step for kind, step in _NEXT if isinstance(error, kind))
