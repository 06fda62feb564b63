# SPDX-License-Identifier: GPL-2.0-only
"""What emulate prints: the story of one variant, then all variants side by side."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emulator.cli import BAD, GOOD, NOTHING
from emulator.commands import choose
from emulator.commands.answer import answer
from emulator.description import Arch, Variant
from emulator.errors import UsageError
from emulator.placement import placement
from emulator.play import survey, tell
from emulator.report import story, summary
from emulator.report.lines import Line
from emulator.scenario import OpsSpec, Outcome, Scenario
from emulator.scenario import story as usual
from emulator.subject import Subject


def run(options: argparse.Namespace) -> int:
    """Print the story; BAD where a run ended badly, NOTHING where none could be made."""
    chosen = choose.Chosen(options)
    arch = chosen.arch
    variant = chosen.variant(arch)
    own_story = not chosen.brought and not options.ops and options.format == "text"
    others = [other for other in arch.variants if own_story and other is not variant]
    loaded = chosen.load(arch, [variant, *others])
    subject, *_ = loaded
    function = options.function or _functions(subject)[0]
    told = tell(subject, _scenarios(options, variant, subject, function), function, options.seed)
    if "ops" in told and isinstance(told["ops"].refused, UsageError):
        raise told["ops"].refused
    answer(
        options,
        lambda: _document(told),
        lambda: [
            *story.render(told),
            *(_listing(told) if options.trace else ()),
            *(_summary(arch, loaded, told, options.seed) if own_story else ()),
        ],
    )
    return _exit_code(told)


def _document(told: Mapping[str, Outcome]) -> dict[str, Any]:
    from emulator.report.document import document  # noqa: PLC0415 - what only some runs need, the others need not wait for

    return document(told)


def _listing(told: Mapping[str, Outcome]) -> list[Line]:
    from emulator.report.trace import listing  # noqa: PLC0415 - see _document()

    return listing(told)


def _scenarios(options: argparse.Namespace, variant: Variant, subject: Subject, function: str) -> Sequence[Scenario]:
    """The usual ones, or the user's ops, beside the disabled site."""
    if not options.ops:
        other = next(name for name in _functions(subject) if name != function)
        return usual(variant, function, other)
    specs = tuple(OpsSpec.parse(text) for text in options.ops)
    return Scenario("none", "nobody", ()), Scenario("ops", "the ops given", specs)


def _summary(arch: Arch, loaded: Sequence[Subject], told: Mapping[str, Outcome], seed: int) -> list[Line]:
    """Every variant's outcomes, the first one's being known already."""
    chosen, *others = loaded
    known: dict[str, Mapping[str, Outcome]] = {chosen.variant.name: told}
    known |= {subject.variant.name: _usual(subject, seed) for subject in others}
    return summary.render(arch.name, [(variant, known[variant.name]) for variant in arch.variants])


def _usual(subject: Subject, seed: int) -> dict[str, Outcome]:
    """The usual scenarios, as far as the summary looks at them."""
    function, other = _functions(subject)[:2]
    scenarios = [item for item in usual(subject.variant, function, other) if summary.looks_at(subject.variant, item)]
    return survey(subject, [replace(scenario, also=None) for scenario in scenarios], function, seed)


def _functions(subject: Subject) -> list[str]:
    """The traced functions, in the order of their addresses."""
    return [function for _, function in placement(subject).sites]


def _exit_code(told: Mapping[str, Outcome]) -> int:
    wanted = [outcome for outcome in told.values() if outcome.scenario.users]
    if any(outcome.trouble for outcome in told.values()):
        return BAD
    return NOTHING if all(outcome.refused for outcome in wanted) else GOOD
