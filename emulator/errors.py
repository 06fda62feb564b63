# SPDX-License-Identifier: GPL-2.0-only
"""Every error that this package raises on purpose.

EmulatorError
├── UsageError            a name or option that does not exist: the caller chooses again
│   └── UnknownName       ... with the names that do exist
├── InputError            a file that cannot be read, parsed or assembled
│   └── AssemblyError     ... with file:line:column and the offending text
├── FtraceError(OSError)  the kernel's own refusal: errno, and the rule that refused
└── RunError              an emulated run that reached no judgeable end
    ├── Fault             memory, an illegal instruction, an exception
    ├── LimitReached      the instruction limit, or the nesting limit
    └── TrapReached       something was called that has no body here

Only the command line prints them and turns them into an exit status.
"""

from __future__ import annotations

import difflib
import errno as _errno
from collections.abc import Iterable
from typing import NamedTuple

SHOWN_CALLS = 4
"""How many macro invocations a message lists."""


class Place(NamedTuple):
    """A position in a source text; line and column count from 1, 0 is "not known".

    What has no lines says with `at` where: the offset in a file, as 0x40, or section+offset of an object.
    """

    file: str
    line: int = 0
    column: int = 0
    at: str = ""

    def __str__(self) -> str:
        known = [str(number) for number in (self.line, self.column, self.at) if number]
        return ":".join([self.file, *known])


class EmulatorError(Exception):
    """The base of everything below."""


class UsageError(EmulatorError):
    """The caller named something that does not fit; nothing was run."""


class UnknownName(UsageError):
    """A name that is not among the known ones; the message suggests the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        near = difflib.get_close_matches(name, self.known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        super().__init__(f"unknown {kind} {name!r}{hint} (known: {', '.join(self.known) or 'none'})")


class InputError(EmulatorError):
    """A file that cannot be used. `place` says where, as far as that is known."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        self.place = place
        super().__init__(f"{place}: {message}" if place else message)


class AssemblyError(InputError):
    """Source text that cannot be assembled. `text` is the offending statement or token.

    `calls` are the macro invocations that led to it, innermost first.
    """

    def __init__(self, message: str, place: Place, text: str = "", calls: Iterable[Place] = ()) -> None:
        self.text, self.calls = text, tuple(calls)
        shown = f": {text.strip()[:120]!r}" if text.strip() else ""
        via = [f"\n    in a macro called at {call}" for call in self.calls[:SHOWN_CALLS]]
        if len(self.calls) > SHOWN_CALLS:
            via.append(f"\n    and {len(self.calls) - SHOWN_CALLS} calls further out")
        super().__init__(f"{message}{shown}{''.join(via)}", place)


class FtraceError(EmulatorError, OSError):
    """A refusal that the kernel expresses as a negative return code.

    `errno` is the positive code, `rule` the sentence that names the rule. -1 from
    unregister_ftrace_function() is numerically EPERM and is kept so.
    """

    def __init__(self, code: int, call: str, rule: str) -> None:
        self.call, self.rule = call, rule
        OSError.__init__(self, code, f"{call}: -{_errno.errorcode.get(code, code)}: {rule}")

    def __str__(self) -> str:
        return str(self.strerror)


class RunError(EmulatorError):
    """A run that ended in no judgeable state. `where` is symbol+offset (file:line) of the last instruction.

    `recording` is what had happened until then, None where nothing was run.
    """

    recording: object = None

    def __init__(self, message: str, where: str = "") -> None:
        self.where = where
        super().__init__(f"{message} at {where}" if where else message)


class Fault(RunError):
    """The emulated CPU could not go on: unmapped or protected memory, an illegal instruction, an exception."""


class LimitReached(RunError):
    """The run was still going when its instruction limit, or its nesting limit, was reached."""


class TrapReached(RunError):
    """The code called a function that has no body in this image."""
