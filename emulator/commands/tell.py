# SPDX-License-Identifier: GPL-2.0-only
"""What emulate prints: the story of one variant, then all variants side by side."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from emulator import catalog
from emulator.cli import BAD, GOOD, NOTHING, colour, write
from emulator.description import Ability, Arch, Variant
from emulator.errors import UsageError
from emulator.lab import Lab
from emulator.placement import placement
from emulator.report import story, summary
from emulator.report.lines import Line, Span, coloured, line, plain
from emulator.scenario import OpsSpec, Outcome, Scenario, tell
from emulator.scenario import story as usual
from emulator.subject import Subject, load, select


def run(options: argparse.Namespace) -> int:
    """Print the story; BAD where a run ended badly, NOTHING where none could be made."""
    arch = catalog.find(options.arch) if options.arch else catalog.host()
    chosen = select(arch, options.release, options.variant)
    own_story = not options.source and not options.ops and options.format == "text"
    others = [variant for variant in arch.variants if own_story and variant is not chosen and _dynamic(variant)]
    loaded = load(arch, [chosen, *others], source=options.source, assembler=options.assembler)
    subject, *_ = loaded
    function = options.function or _functions(subject)[0]
    if not _dynamic(chosen):
        return _static(options, subject)
    told = tell(subject, _scenarios(options, chosen, subject, function), function, options.seed)
    if "ops" in told and isinstance(told["ops"].refused, UsageError):
        raise told["ops"].refused
    if options.format == "json":
        write(options, _json(told))
    else:
        lines = story.render(told) + (_listing(told) if options.trace else [])
        lines += _summary(arch, loaded, told, options.seed) if own_story else []
        write(options, coloured(lines) if colour(options) else plain(lines))
    return _exit_code(told)


def _json(told: Mapping[str, Outcome]) -> str:
    from emulator.report import document  # noqa: PLC0415 - what only some runs need, the others need not wait for

    return _dumped(document.document(told))


def _dumped(document: Mapping[str, object]) -> str:
    import json  # noqa: PLC0415 - see _json()

    return json.dumps(document, indent=1) + "\n"


def _listing(told: Mapping[str, Outcome]) -> list[Line]:
    from emulator.report.trace import listing  # noqa: PLC0415 - see _json()

    return listing(told)


def _scenarios(options: argparse.Namespace, variant: Variant, subject: Subject, function: str) -> Sequence[Scenario]:
    """The usual ones, or the user's ops, beside the disabled site."""
    if not options.ops:
        other = next(name for name in _functions(subject) if name != function)
        return usual(variant, function, other)
    specs = tuple(OpsSpec.parse(text) for text in options.ops)
    return Scenario("none", "nobody", ()), Scenario("ops", "the ops given", specs)


def _static(options: argparse.Namespace, subject: Subject) -> int:
    """A static variant is assembled and laid out, and that is all for now."""
    lab = Lab(subject=subject, seed=options.seed)
    if options.format == "json":
        from emulator.report import document  # noqa: PLC0415 - see _json()

        write(options, _dumped(document.untested(lab, summary.STATIC)))
    else:
        lines = [*story.title(lab), line(Span("UNTESTED", "yellow"), f": {summary.STATIC}")]
        write(options, coloured(lines) if colour(options) else plain(lines))
    return NOTHING


def _dynamic(variant: Variant) -> bool:
    return Ability.DYNAMIC_FTRACE in variant.abilities


def _summary(arch: Arch, loaded: Sequence[Subject], told: Mapping[str, Outcome], seed: int) -> list[Line]:
    """Every variant's outcomes, the first one's being known already; None for what is not run."""
    chosen, *others = loaded
    known: dict[str, Mapping[str, Outcome]] = {chosen.variant.name: told}
    known |= {subject.variant.name: _usual(subject, seed) for subject in others}
    return summary.render(arch.name, [(variant, known.get(variant.name)) for variant in arch.variants])


def _usual(subject: Subject, seed: int) -> dict[str, Outcome]:
    """The usual scenarios, as far as the summary looks at them."""
    function, other = _functions(subject)[:2]
    regs = Ability.DYNAMIC_FTRACE_WITH_REGS in subject.variant.abilities
    unseen = {"none", "lenient"} if regs else {"none"}  # IF_SUPPORTED matters where SAVE_REGS is refused
    scenarios = usual(subject.variant, function, other)
    return tell(subject, [scenario for scenario in scenarios if scenario.name not in unseen], function, seed)


def _functions(subject: Subject) -> list[str]:
    """The traced functions, in the order of their addresses."""
    return [function for _, function in placement(subject).sites]


def _exit_code(told: Mapping[str, Outcome]) -> int:
    wanted = [outcome for outcome in told.values() if outcome.scenario.ops]
    if any(outcome.trouble for outcome in told.values()):
        return BAD
    return NOTHING if all(outcome.refused for outcome in wanted) else GOOD
