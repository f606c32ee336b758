"""The room that keeps every wearer's history in one SQLite file; `Store` is its only door."""

from .alarm_log import LoggedAlarm
from .answers import Added, Erased, Health, Opened
from .history import Store

__all__ = ["Added", "Erased", "Health", "LoggedAlarm", "Opened", "Store"]
