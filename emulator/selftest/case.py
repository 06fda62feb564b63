# SPDX-License-Identifier: GPL-2.0-only
"""A test, what it needs, and what became of it in a kernel of its own."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from emulator.core import releases
from emulator.core.release import Release
from emulator.description import Ability, Variant
from emulator.errors import EmulatorError, FtraceError
from emulator.lab import Lab
from emulator.subject import Subject


class Verdict(enum.Enum):
    """What became of a case."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    XFAIL = "XFAIL"
    """It failed, as it must: this release's own test cannot pass here, or its trampolines have a known fault."""
    UNSUPPORTED = "UNSUPPORTED"
    """The release or the configuration lacks what is tested."""


class Failed(Exception):
    """Not an error of ours: what the test found, in the kernel's words where it has any. Stays within this package."""


class Expected(NamedTuple):
    """A failure that must occur: what the test then says, and why."""

    text: str
    reason: str
    mendable: bool = False
    """The fault is in the trampolines, so that a user's own may be without it."""


def _nothing(_kernel: Kernel) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One test. `run(lab)` returns, or raises Failed; a refusal or a run that ends badly is a failure too."""

    name: str
    title: str
    """What it asks."""
    source: str
    """Where it comes from."""
    run: Callable[[Lab], None]
    needs: Ability = Ability.NONE
    lacks: Callable[[Kernel], str | None] = _nothing
    """What else is missing, in words."""
    fails: Callable[[Kernel], Expected | None] = _nothing
    """Where it cannot pass."""

    def missing(self, kernel: Kernel) -> str | None:
        """Why it cannot be run, None where it can."""
        absent = [ability.name or "" for ability in self.needs if ability not in kernel.abilities]
        return f"no {', '.join(absent)} here" if absent else self.lacks(kernel)


class Kernel(NamedTuple):
    """What is under test, as far as a case may ask before it is run."""

    variant: Variant
    release: Release
    ours: bool

    @property
    def abilities(self) -> Ability:
        """The configuration."""
        return self.variant.abilities


class Judged(NamedTuple):
    """A case with its verdict; `text` is what the test said, `reason` why it could not pass, or what is missing."""

    case: Case
    verdict: Verdict
    text: str = ""
    reason: str = ""


class Suite(NamedTuple):
    """All cases of one variant."""

    subject: Subject
    seed: int
    judged: tuple[Judged, ...]

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many cases got each verdict."""
        counted = Counter(judged.verdict for judged in self.judged)
        return {verdict: counted[verdict] for verdict in Verdict}


# -- what cases say ----------------------------------------------------------------------------------------------------


def expect(condition: object, text: str) -> None:
    """Raises Failed where the condition is not met."""
    if not condition:
        raise Failed(text)


def same(what: str, got: object, expected: object) -> None:
    """Raises Failed with both where they differ."""
    expect(got == expected, f"{what}: expected {expected}, got {got}")


def code(action: Callable[[], object]) -> int:
    """What a call of the kernel's returns: 0, or a negative code."""
    try:
        action()
    except FtraceError as refusal:
        return -(refusal.errno or 0)
    return 0


# -- running them ------------------------------------------------------------------------------------------------------


def run(subject: Subject, cases: Iterable[Case], seed: int = 1) -> Suite:
    """Judge every case in a kernel of its own. Raises InputError where no kernel can be made of the subject."""
    return Suite(subject, seed, tuple(judge(case, subject, seed) for case in cases))


def judge(case: Case, subject: Subject, seed: int = 1) -> Judged:
    """One case. Raises InputError, as run() does."""
    variant = subject.variant
    kernel = Kernel(variant, releases.release(variant.release), subject.ours)
    missing = case.missing(kernel)
    if missing:
        return Judged(case, Verdict.UNSUPPORTED, reason=missing)
    return _verdict(case, _failure(case, Lab(subject=subject, seed=seed)), case.fails(kernel), kernel)


def _failure(case: Case, lab: Lab) -> str | None:
    try:
        case.run(lab)
    except (Failed, EmulatorError) as found:
        return str(found)
    return None


def _verdict(case: Case, failure: str | None, expected: Expected | None, kernel: Kernel) -> Judged:
    """A failure that must occur is an XFAIL only where it is that very one."""
    if expected is None:
        return Judged(case, Verdict.FAIL, failure) if failure is not None else Judged(case, Verdict.PASS)
    if failure is not None:
        return Judged(case, Verdict.XFAIL if failure == expected.text else Verdict.FAIL, failure, expected.reason)
    if expected.mendable and not kernel.ours:
        return Judged(case, Verdict.PASS, reason=f"mended here: {expected.reason}")
    return Judged(case, Verdict.FAIL, f"passed, but must fail with {expected.text!r}", expected.reason)
