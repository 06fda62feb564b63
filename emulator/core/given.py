# SPDX-License-Identifier: GPL-2.0-only
"""What callers hand in, looked at first: Python would notice much later that something is of the wrong kind."""

from __future__ import annotations

from emulator.errors import UsageError


def expect(place: str, value: object, kind: type, what: str) -> None:
    """Raises UsageError where `value` is not of a kind; True and False are no numbers."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UsageError(f"{place}: {value!r} is not {what}")


def expect_name(place: str, value: object) -> None:
    """Raises UsageError for what names nothing."""
    expect(place, value, str, "a name")
    if not value:
        raise UsageError(f"{place}: it has no name")


def expect_address(place: str, value: object, word: int) -> None:
    """Raises UsageError for what no word of `word` bytes can hold."""
    expect(place, value, int, "an address")
    if not isinstance(value, int) or not 0 <= value < 1 << 8 * word:
        raise UsageError(f"{place}: {value!r} is not an address of {8 * word} bits")
