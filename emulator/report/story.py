# SPDX-License-Identifier: GPL-2.0-only
"""The story of one variant: the site, what each kind of ops makes of it, what callbacks get, what is left behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.lab import Lab
from emulator.recording import Call, Hit, Pointer, Recording, RecordSeen
from emulator.replay import recorded
from emulator.report.direct import direct
from emulator.report.graph import graph
from emulator.report.lines import WIDTH, Cell, Line, Span, heading, line, table, wrap
from emulator.report.record import byte_map, legend, populated
from emulator.report.site import cast, dynamic, site
from emulator.scenario import Outcome

NOT_PASSED = "not passed"
IF_SUPPORTED = (
    "quirk: SAVE_REGS_IF_SUPPORTED alone gives no regs where they are supported: it is turned into SAVE_REGS only "
    "where they are not (kernel/trace/ftrace.c __register_ftrace_function)"
)
CHANGED = "changed at landing, after callbacks that scribble all they may"
LONG_RUN = 6
"""Registers in a row from which on only the first and the last are named."""
CALLS = 16
"""How many calls of callbacks are shown for one function; a trampoline that goes astray can make a thousand."""


def render(outcomes: Mapping[str, Outcome]) -> list[Line]:
    """The whole story, from the outcomes of its scenarios by name."""
    told = list(outcomes.values())
    lab = told[0].lab
    lines = [*title(lab), *cast(told), *site(told), *arguments(told), *records(told)]
    lines += [*graph(told), *direct(told), *afterwards(told)]
    for outcome in told:
        lines += _trouble(outcome)
    return lines


def title(lab: Lab) -> list[Line]:
    """Whose code it is, which configuration, and the seed that replays it."""
    variant = lab.variant
    shown = variant.abilities & ~(Ability.FUNCTION_TRACER)
    names = " ".join(sorted(ability.name or "" for ability in shown))
    made_up = "; a synthetic variant, no real kernel" if variant.synthetic else ""
    first = f"{lab.arch.name} {variant.name}  (Linux {lab.release.version}{made_up})  source: {lab.subject.origin}"
    return [
        [Span(first, "bold"), Span(f"  seed {lab.seed}")],
        line(variant.summary),
        *(line(text) for text in wrap(names, WIDTH) if text),
        *(line(text) for text in _hanging([*_quirks(lab), *_notes(lab)])),
        [],
    ]


def _quirks(lab: Lab) -> list[str]:
    """What that release did wrong, or not as its comments say, and where; it is shown, not mended."""
    known = [f"quirk: {quirk.what}: {quirk.effect} ({quirk.source})" for quirk in lab.variant.quirks]
    if "SAVE_REGS_IF_SUPPORTED" in lab.release.flags and lab.core.with_regs:
        known.append(IF_SUPPORTED)
    return known


def _notes(lab: Lab) -> list[str]:
    """What the loader of a user's code has to say, and what that code refers to and nobody has."""
    missing = ", ".join(lab.image.placement.missing)
    said = [f"note: nothing here is called {missing}: a run that comes there ends"] if missing else []
    return [*(f"note: {text}" for text in lab.subject.notes), *said]


def _hanging(texts: Iterable[str]) -> list[str]:
    """Each wrapped, and its further lines indented."""
    wrapped = [wrap(text, WIDTH - 2) for text in texts]
    return [text for first, *more in wrapped for text in (first, *(f"  {rest}" for rest in more))]


# -- what callbacks get -----------------------------------------------------------------------------------------------


def arguments(told: Sequence[Outcome]) -> list[Line]:
    """The four arguments of every call of a callback."""
    seen = [(outcome, call) for outcome in told for call in every_call(outcome)]
    if not seen:
        return []
    fregs = seen[0][0].lab.release.callback_gets_fregs
    names = ["fregs", "get_regs(fregs)"] if fregs else ["regs"]
    header: list[Cell] = ["ops", "callback", "ip", "parent_ip", "op", *names]
    rows = [_arguments(outcome, call, fregs=fregs) for outcome, call in seen]
    return [heading("What callbacks get"), *table([header, *rows], gap=1), *_wrong(seen), []]


def every_call(outcome: Outcome) -> list[Call]:
    """The calls of callbacks at the sites of the functions that were called, in order, as many as are shown."""
    functions = [name for name in (outcome.function, outcome.scenario.also) if name]
    return [call for function in functions for call in outcome.calls(function)[:CALLS]]


def _arguments(outcome: Outcome, call: Call, *, fregs: bool) -> list[Cell]:
    last = [_pointer(call), show_regs(call)] if fregs else [show_regs(call)]
    parent = outcome.lab.symbol(call.parent_ip)
    return [outcome.scenario.label, call.ops.name, f"{call.ip:x}", parent, show_op(call), *last]


def _wrong(seen: Sequence[tuple[Outcome, Call]]) -> list[Line]:
    """Says that ip and parent_ip are what they should be, or who got something else."""
    lines = []
    for outcome, call in seen:
        for name, got, wanted in (("ip", call.ip, true_ip(call)), ("parent_ip", call.parent_ip, true_parent(call))):
            if got != wanted:
                text = f"WRONG: {call.ops.name} got {name} {outcome.lab.symbol(got)} ({got:x}), not {wanted:x}"
                lines.append([Span(text, "bold red")])
    right = line("ip = rec->ip and parent_ip = the return address of the function's caller, in every call")
    return [*([*lines, *_left_out(seen)] or [right]), *_strays(seen)]


def _strays(seen: Sequence[tuple[Outcome, Call]]) -> list[Line]:
    """Says who was called for functions that are not in his filter: 3.x's only ops, while the graph tracer is on."""
    found: dict[tuple[str, str, str], None] = {}
    for outcome in {id(outcome): outcome for outcome, _ in seen}.values():
        for call in (call for done in outcome.recordings for call in done.callbacks):
            hit = call.arrival.hit
            if hit and dynamic(outcome.lab) and not call.ops.wants(hit.ip):
                found[outcome.scenario.label, call.ops.name, hit.symbol] = None
    return [
        [Span(f"{label}: {name} is called for {function} too, which is not in its filter", "yellow")]
        for label, name, function in found
    ]


def _left_out(seen: Sequence[tuple[Outcome, Call]]) -> list[Line]:
    """Says how many calls are not shown."""
    outcomes = {id(outcome): outcome for outcome, _ in seen}.values()
    more = sum(max(0, len(outcome.calls(outcome.function)) - CALLS) for outcome in outcomes)
    return [[Span(f"and {more} more calls of callbacks", "bold red")]] if more else []


def true_ip(call: Call) -> int | None:
    """The address of the record whose site was passed."""
    return call.arrival.hit.ip if call.arrival.hit else None


def true_parent(call: Call) -> int | None:
    """The return address of the traced function, read at the site."""
    hit = call.arrival.hit
    return recorded(hit).evaluate(hit.lab.variant.site.parent, 0) if hit else None


def show_op(call: Call) -> str:
    """The op argument: &name, the symbol of whatever else arrived, or that none is passed."""
    match call.op:
        case FtraceOps():
            return f"&{call.op.name}"
        case Pointer():
            return str(call.op)
        case _:
            return NOT_PASSED


def _pointer(call: Call) -> str:
    record = call.arrival.record
    return NOT_PASSED if record is None else f"{record:x}" if record else "NULL"


def show_regs(call: Call) -> str:
    """A summary of regs: not passed, NULL, NULL (fregs n/m), full n/m, stale n/m."""
    if call.regs:
        return f"{call.regs.kind} {populated(call.regs)}"
    if call.fregs:
        return f"NULL (fregs {populated(call.fregs)})"
    return NOT_PASSED if call.arrival.record is None and call.op is None else "NULL"


def records(told: Sequence[Outcome]) -> list[Line]:
    """A byte map for each kind of record that a callback received; those that look alike are shown once."""
    lines: list[Line] = []
    shown: dict[object, list[str]] = {}
    for outcome in told:
        for call in every_call(outcome):
            record = call.regs or call.fregs
            if record is None:
                continue
            alike = shown.setdefault(_picture(outcome.lab, record), [])
            alike.append(
                call.ops.name
                if outcome.scenario.label == call.ops.name
                else f"{call.ops.name} of {outcome.scenario.label}"
            )
            if len(alike) == 1:
                lines += byte_map(outcome.lab, record, f"What {alike[0]} received")
    return [*lines, *_alike(shown.values()), [], *legend(), []] if lines else []


def _alike(shown: Iterable[Sequence[str]]) -> list[Line]:
    """Who received a record that looks like one that is shown."""
    lines: list[Line] = []
    for name, *others in map(dict.fromkeys, shown):
        if others:
            text = f"the same as {name}, byte for byte of the same origin: {', '.join(others)}"
            first, *more = wrap(text, WIDTH - 2)
            lines += [line(first), *(line(f"  {rest}") for rest in more)]
    return lines


def _picture(lab: Lab, record: RecordSeen) -> object:
    """What two records must share to look alike: status, origin and the writing instruction of each member."""
    original = lab.image.symbols.original
    members = [(seen.status, seen.origin.short, original(seen.writer) if seen.writer else 0) for seen in record]
    return record.kind, tuple(members)


# -- afterwards -------------------------------------------------------------------------------------------------------


def afterwards(told: Sequence[Outcome]) -> list[Line]:
    """For each scenario: where it landed, what was changed, and what it cost."""
    rows: list[list[Cell]] = [["afterwards", "insns", "stores", "stack", CHANGED]]
    rows += [_after(outcome) for outcome in told if outcome.recording]
    return [*table(rows), *_results(told), []]


def _results(told: Sequence[Outcome]) -> list[Line]:
    """Whether the function did its work as if nobody had been there."""
    done = [(outcome, outcome.recording) for outcome in told if outcome.recording and not outcome.trouble]
    if len(done) < 2 or done[0][0].scenario.users:
        return []
    (untraced, recording), *others = done
    wrong = [outcome.scenario.label for outcome, other in others if other.result != recording.result]
    if wrong:
        return [[Span(f"{untraced.function} returned something else than untraced: {', '.join(wrong)}", "bold red")]]
    return [line(f"{untraced.function} returned {recording.result:x} to its caller in every call, traced or not")]


def _after(outcome: Outcome) -> list[Cell]:
    recording = outcome.recording
    assert recording is not None  # noqa: S101 - afterwards() asks for outcomes with a recording
    hit = own_hit(recording)
    names = outcome.scenario.label
    cost = recording.cost(hit) if hit else None
    if hit is None or cost is None:
        return [names, "", "", "", Span("did not come back", "bold red")]
    return [names, str(cost.instructions), str(cost.stores), f"{cost.stack} B", _changes(outcome, hit)]


def own_hit(recording: Recording) -> Hit | None:
    """The passage of the called function's own site, if the run got there."""
    try:
        return recording.hit
    except LookupError:
        return None


def _changes(outcome: Outcome, hit: Hit) -> Cell:
    """Registers that differ at landing, those that the trampoline may not change first."""
    allowed = allowed_changes(outcome, hit)
    changed = hit.changed()
    wrong = [name for name in changed if name not in allowed]
    if wrong:
        return Span(f"{' '.join(wrong)} - NOT BY CONTRACT", "bold red")
    return f"{_together(changed)} (by contract)" if changed else "nothing"


def _together(names: Iterable[str]) -> str:
    """Names of registers; long rows of numbers with their first and last one."""
    runs: list[list[str]] = []
    for name in names:
        if runs and _number(name) == _number(runs[-1][-1]) + 1 and name[0] == runs[-1][-1][0]:
            runs[-1].append(name)
        else:
            runs.append([name])
    shown = (f"{run[0]}-{run[-1]}" if len(run) >= LONG_RUN else " ".join(run) for run in runs)
    return " ".join(shown)


def _number(name: str) -> int:
    """The number in a register's name; one that nothing follows where there is none."""
    return int(name[1:]) if name[1:].isdigit() else -2


def allowed_changes(outcome: Outcome, hit: Hit) -> tuple[str, ...]:
    """The registers that the entry which the site called may leave changed; none for a disabled site.

    A direct trampoline may leave those changed that ftrace_caller may. In a function without a frame the graph tracer
    takes the return by the link register.
    """
    site, link = hit.lab.variant.site, hit.lab.arch.abi.link
    direct_call = hit.lab.variant.plain.clobbers if outcome.scenario.direct and hit.target else ()
    taken = (link,) if link and hit.landing_hooked > hit.hooked and site.parent_slot == site.bare_slot else ()
    return (*(hit.entry.clobbers if hit.entry else ()), *direct_call, *taken)


def _trouble(outcome: Outcome) -> list[Line]:
    if outcome.trouble is None:
        return []
    return [line(Span("UNRESOLVED", "bold red"), f" {outcome.scenario.title}: {outcome.trouble}"), []]
