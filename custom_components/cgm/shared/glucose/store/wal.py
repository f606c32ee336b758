"""Tells whether a write-ahead log holds commits that SQLite will pass over without a word.

SQLite replays a log up to the first frame whose checksum fails. After a killed writer or a
power cut that frame is the torn end, and nothing is lost that was promised; after damage,
whole commits can lie behind it. Format: SQLite's "WAL-mode File Format", sections 1 to 3.
"""

from __future__ import annotations

import struct

_HEADER = struct.Struct(">8I")  # magic, version, page size, number, two salts, two sums
_FRAME = struct.Struct(">6I")  # page, pages after commit (0 within one), two salts, two sums
_MAGIC = 0x377F0682  # the lowest bit tells the byte order that the sums are made in
_WORD = 0xFFFFFFFF


def hides_commits(log: bytes) -> bool:
    """Say whether commits lie behind a damaged spot of `log`, the file's bytes.

    The last commit alone is given the benefit of the doubt: torn and damaged look the same.
    """
    if len(log) <= _HEADER.size + _FRAME.size:
        return False
    magic, _, page_size, _, salt_1, salt_2, sum_1, sum_2 = _HEADER.unpack_from(log)
    order = ">" if magic & 1 else "<"
    sums = _sums(log[: _HEADER.size - 8], order, (0, 0))
    if magic & ~1 != _MAGIC or sums != (sum_1, sum_2):
        return True  # the header is synchronised before any frame: it is never torn

    intact = True
    suspicious = False  # a further frame of this round would be one too many
    for start in range(_HEADER.size, len(log), _FRAME.size + page_size):
        end = start + _FRAME.size + page_size
        if end > len(log):
            break
        _, commit, frame_salt_1, frame_salt_2, sum_1, sum_2 = _FRAME.unpack_from(log, start)
        if (frame_salt_1, frame_salt_2) != (salt_1, salt_2):
            intact, suspicious = False, True  # left over from an earlier round: only at the end
            continue
        if suspicious:
            return True
        if intact:
            sums = _sums(log[start : start + 8], order, sums)
            sums = _sums(log[start + _FRAME.size : end], order, sums)
            intact = sums == (sum_1, sum_2)
        suspicious = not intact and commit != 0
    return False


def _sums(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    """Carry SQLite's running pair of sums over `data`, whole pairs of 32-bit words."""
    first, second = sums
    for one, two in struct.iter_unpack(f"{order}II", data):
        first = (first + one + second) & _WORD
        second = (second + two + first) & _WORD
    return first, second
