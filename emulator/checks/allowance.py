# SPDX-License-Identifier: GPL-2.0-only
"""What a user accepts of his own trampoline: --allow C5:cpsr=REASON."""

from __future__ import annotations

from typing import NamedTuple

from emulator.checks.clause import find
from emulator.errors import UsageError


class Allowance(NamedTuple):
    """A violation that is known and accepted: XFAIL, with the user's own reason, instead of FAIL."""

    clause: str
    what: str
    """Violation.what: a register, a member, or the words that stand in its place."""
    reason: str

    @classmethod
    def parse(cls, text: str) -> Allowance:
        """CLAUSE:WHAT=REASON. Raises UsageError; UnknownName for a clause that there is not."""
        name, _, reason = text.partition("=")
        clause, _, what = name.partition(":")
        if not (clause.strip() and what.strip() and reason.strip()):
            raise UsageError(f"--allow {text!r}: it takes CLAUSE:WHAT=REASON, as in 'C5:cpsr=nobody reads it'")
        return cls(find(clause.strip()).id, what.strip(), reason.strip())

    def __str__(self) -> str:
        return f"{self.clause}:{self.what}={self.reason}"
