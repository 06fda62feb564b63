# SPDX-License-Identifier: GPL-2.0-only
"""Findings: one verdict on one clause, as data."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Verdict(enum.Enum):
    """What became of a clause."""

    PASS = "PASS"  # noqa: S105 - not that kind of pass
    FAIL = "FAIL"
    XFAIL = "XFAIL"
    """A known quirk of that release, or one that the user has accepted."""
    UNSUPPORTED = "UNSUPPORTED"
    """The variant does not declare what the clause is about, or emulation cannot show it."""
    UNRESOLVED = "UNRESOLVED"
    """A run ended in no judgeable state."""
    UNTESTED = "UNTESTED"
    """Nothing that was run has shown it."""

    @property
    def bad(self) -> bool:
        """Whether an exit status has to tell of it."""
        return self in (Verdict.FAIL, Verdict.UNRESOLVED)


class Violation(NamedTuple):
    """What a clause found wrong in one run: where, what was expected and what there was.

    `what` is a register, a member or a few words; `address` the instruction that is to blame, None where none is.
    """

    what: str
    expected: str
    got: str
    address: int | None = None


class Finding(NamedTuple):
    """One verdict on one clause of one variant."""

    clause: str
    verdict: Verdict
    arch: str
    release: str
    variant: str
    scenario: str = ""
    """The first scenario in which it was seen, for a failure; else ""."""
    seed: int = 0
    what: str = ""
    expected: str = ""
    got: str = ""
    address: int | None = None
    symbol: str = ""
    """symbol+offset of the instruction."""
    file: str = ""
    line: int = 0
    reason: str = ""
    """Why it is XFAIL, UNSUPPORTED, UNRESOLVED or UNTESTED."""
    replay: str = ""
    """The command that shows just this again."""
