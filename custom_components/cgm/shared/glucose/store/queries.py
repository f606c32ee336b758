"""The questions on the hot path; a test asks SQLite whether each of them goes by a key."""

from __future__ import annotations

SERIES_OF_WEARER = (
    "SELECT id, source, kind, series FROM series WHERE wearer = ? ORDER BY source, kind, series"
)
SERIES_OF_SOURCE = "SELECT id, kind, series FROM series WHERE (wearer, source) = (?, ?)"
STRETCH = (
    "SELECT time_ms, mg_dl, bound, trend FROM readings"
    " WHERE series_id = ? AND time_ms >= ? AND time_ms < ? ORDER BY time_ms"
)
NEWEST = (
    "SELECT max((SELECT max(time_ms) FROM readings WHERE series_id = series.id)) FROM series"
    " WHERE wearer = :wearer AND (:source IS NULL OR source = :source)"
    " AND (:kind IS NULL OR kind = :kind)"
)
OLDEST = (
    "SELECT min((SELECT min(time_ms) FROM readings WHERE series_id = series.id)) FROM series"
    " WHERE wearer = ?"
)
# Looked up one by one in the key: an import may hold few rows spread over many years.
AT_TIMES = (
    "SELECT r.time_ms, r.mg_dl, r.bound, r.trend FROM json_each(?) AS asked"
    " CROSS JOIN readings AS r ON r.series_id = ? AND r.time_ms = asked.value"
)
