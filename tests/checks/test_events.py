# SPDX-License-Identifier: GPL-2.0-only
"""Interrupts whose handler calls a traced function: what breaks only then is found, with the instruction."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.checks import events
from emulator.checks.exercises import EXERCISES
from emulator.checks.judge import Harder, judge
from emulator.checks.rig import Rig
from emulator.core.task import Context
from emulator.errors import RunError
from emulator.subject import load

X86_TEXT = "        .text\n\n// What every site calls"
X86_DATA = (X86_TEXT, "        .data\n        .balign 8\nkept:   .quad 0\n" + X86_TEXT)
ARM_DATA = (
    "FUNC __gnu_mcount_nc\n",
    "        .data\n        .balign 8\nkept:   .long 0\n        .text\nFUNC __gnu_mcount_nc\n",
)

SOME = [EXERCISES[name] for name in ("one", "two", "graph", "change-second")]
OFFENDERS = {
    "x86_64: keeps a register in a global word": (
        "x86_64",
        "T1 rcx",
        [
            X86_DATA,
            ("mov     %rcx, SAVED_cx(%rsp)", "mov     %rcx, kept(%rip)"),
            ("mov     SAVED_cx(%rsp), %rcx", "mov     kept(%rip), %rcx"),
        ],
    ),
    "x86_64: reads what it has released": (
        "x86_64",
        "T1 rax",
        [
            (
                "mov     SAVED_ax(%rsp), %rax\n        add     $SAVED_SIZE, %rsp",
                "add     $SAVED_SIZE, %rsp\n        mov     SAVED_ax-SAVED_SIZE(%rsp), %rax",
            )
        ],
    ),
    "x86_64: lets nobody in while it is busy": (
        "x86_64",
        "C0 callbacks",
        [
            X86_DATA,
            (
                "        SAVE\n        IP      to=%rdi ",
                "        cmpl $0, kept(%rip)\n jne ftrace_stub\n movl $1, kept(%rip)\n SAVE\n IP to=%rdi ",
            ),
            (
                "        RESTORE\n\nLABEL ftrace_graph_call",
                "        RESTORE\n        movl    $0, kept(%rip)\n\nLABEL ftrace_graph_call",
            ),
        ],
    ),
    "arm: keeps a register in a global word": (
        "arm",
        "T1 r2",
        [
            ARM_DATA,
            ("push    {r0-r3, lr}\n", "push    {r0-r3, lr}\n        ldr     ip, =kept\n        str     r2, [ip]\n"),
            (
                "        pop     {r0-r3, ip, lr} ",
                "        ldr r2, =kept\n ldr r2, [r2]\n str r2, [sp, #8]\n pop {r0-r3, ip, lr} ",
            ),
        ],
    ),
    "arm: reads what it has released": (
        "arm",
        "T2 landing",
        [("        pop     {r0-r3, ip, lr} ", "        add     sp, sp, #24\n        ldmdb   sp, {r0-r3, ip, lr} ")],
    ),
}
NEIGHBOURS = {
    "x86_64: counts in a global word": (
        "x86_64",
        [
            X86_DATA,
            (
                "        SAVE\n        IP      to=%rdi ",
                "        SAVE\n        incq    kept(%rip)\n        IP      to=%rdi ",
            ),
        ],
    ),
    "x86_64: loads the last register with the stack as it was": (
        "x86_64",
        [
            (
                "mov     SAVED_ax(%rsp), %rax\n        add     $SAVED_SIZE, %rsp",
                "lea     SAVED_ax(%rsp), %r11\n        mov     (%r11), %rax\n        add     $SAVED_SIZE, %rsp",
            )
        ],
    ),
    "arm: counts in a global word": (
        "arm",
        [
            ARM_DATA,
            (
                "push    {r0-r3, lr}\n",
                "push {r0-r3, lr}\n ldr r2, =kept\n ldr r3, [r2]\n add r3, r3, #1\n str r3, [r2]\n",
            ),
        ],
    ),
    "arm: reads first and releases then": (
        "arm",
        [("        pop     {r0-r3, ip, lr} ", "        ldm     sp, {r0-r3, ip, lr}\n        add     sp, sp, #24 ")],
    ),
}


@pytest.mark.parametrize("name", OFFENDERS)
def test_what_only_an_interrupt_breaks(name, tampered):
    arch, what, edits = OFFENDERS[name]
    judgement = judge(tampered(arch, "3.6", *edits).subject, [1], exercises=SOME, disturb=False)
    broken = {clause: seen.wrong for clause, seen in judgement.seen.items() if seen.wrong}
    assert what in broken["U3"], broken
    assert set(broken) <= {"U3", "P3"}
    violation = broken["U3"][what].violation
    assert "an interrupt came to ftrace_" in violation.got
    assert broken["U3"][what].passage.lab.symbol(violation.address).startswith("ftrace_")


def test_what_no_single_interrupt_breaks_has_no_instruction_to_blame(tampered):
    """And with a single one the run is shorter than it is with all of them; something else is wrong in any case."""
    entry = "        SAVE\n        IP      to=%rdi "
    leave = "        RESTORE\n\nLABEL ftrace_graph_call"
    lab = tampered(
        "x86_64",
        "3.6",
        X86_DATA,
        (entry, entry.replace("IP ", "incl kept(%rip)\n        IP ")),
        (
            leave,
            leave.replace(
                "\n\n", "\n cmpl $9, kept(%rip)\n jb 9f\n nop\n nop\n nop\n mov %rbx, %rcx\n9: mov %rbx, %r9\n", 1
            ),
        ),
    )
    wrong = judge(lab.subject, [1], exercises=SOME[:1], disturb=False).seen["U3"].wrong
    assert wrong["T1 rcx"].violation.address != 0
    assert "an interrupt came" not in wrong["T1 rcx"].violation.got


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_what_no_interrupt_breaks(name, tampered):
    arch, edits = NEIGHBOURS[name]
    judgement = judge(tampered(arch, "3.6", *edits).subject, [1], exercises=SOME)
    assert {clause: seen.wrong for clause, seen in judgement.seen.items() if seen.wrong} == {}
    assert judgement.seen["U3"].asked > 0


@pytest.mark.parametrize("name", OFFENDERS)
def test_without_events_nobody_is_interrupted(name, tampered):
    arch, _, edits = OFFENDERS[name]
    judgement = judge(tampered(arch, "3.6", *edits).subject, [1], exercises=SOME, disturb=False, events=False)
    assert {clause: seen.wrong for clause, seen in judgement.seen.items() if seen.wrong} == {}
    assert judgement.seen["U3"].asked == judgement.seen["P3"].asked == 0


@pytest.mark.parametrize(
    ("arch", "variant"), [("x86_64", "6.12"), ("x86_64", "3.7"), ("arm", "6.12"), ("arm", "3.6-static")]
)
def test_each_instruction_of_a_passage_is_interrupted(arch, variant):
    declared = catalog.load(arch)
    (subject,) = load(declared, [declared.variant(variant)])
    rig, addresses = events.interrupted(lambda: Rig(subject, 1), EXERCISES["one"])
    (outer,) = [recording for recording in rig.recordings if not recording.nested]
    inner = [recording for recording in rig.recordings if recording.nested]
    assert len(inner) == len(addresses)
    passed = {pc for pc in outer.shape.pcs if rig.lab.image.in_trampoline(pc)}
    assert passed <= set(addresses)
    assert all(recording.outcome is None for recording in rig.recordings)
    assert rig.lab.current.context is Context.NORMAL


@pytest.mark.parametrize(("arch", "variant"), [("x86_64", "6.12"), ("arm", "6.12")])
def test_a_way_is_taken_once_more_only_the_first_time(arch, variant):
    declared = catalog.load(arch)
    (subject,) = load(declared, [declared.variant(variant)])
    harder, calls = Harder(disturb=True, events=True), []
    for name in ("one", "one", "two", "graph", "nested"):
        rig = Rig(subject, 1)
        EXERCISES[name].run(rig)
        calls.append(harder.calls(rig))
    assert [len(found) for found in calls] == [1, 0, 0, 1, 0]


@pytest.mark.parametrize(("way", "others", "part"), [
    ((1, 2, 3, False), [], 0),
    ((1, 2, 3, False), [(1, 2, 4, False), (1, 5, False)], 2),
    ((1, 2, False), [(1, 2, 3, False)], 2),
    ((1, 2, True), [(1, 2, False)], 2),
    ((2, 1, False), [(1, 2, False)], 0),
])  # fmt: skip
def test_what_is_known_of_a_way_is_its_beginning(way, others, part):
    assert events.known_part(way, others) == part


@pytest.mark.parametrize(("arch", "variant"), [("x86_64", "6.12"), ("arm", "6.12"), ("arm64", "6.12")])
def test_a_way_is_interrupted_where_it_has_left_those_before(arch, variant):
    declared = catalog.load(arch)
    (subject,) = load(declared, [declared.variant(variant)])
    harder, told = Harder(disturb=True, events=True), []
    for name in ("one", "graph"):
        rig = Rig(subject, 1)
        EXERCISES[name].run(rig)
        told.append((rig, harder.calls(rig)))
    rig, calls = told[1]
    ((call, part),) = calls.items()
    ran = [pc for recording in rig.recordings for pc in recording.shape.pcs if rig.lab.image.in_trampoline(pc)]
    _, addresses = events.interrupted(lambda: Rig(subject, 1), EXERCISES["graph"], calls)
    assert part > 0
    assert {pc for pc in addresses if rig.lab.image.in_trampoline(pc)} == set(ran[part:]) - set(ran[:part])
    everywhere = events.interrupted(lambda: Rig(subject, 1), EXERCISES["graph"], {call: 0})[1]
    assert set(ran) <= set(everywhere)


def test_a_call_that_is_not_asked_for_is_not_interrupted():
    declared = catalog.load("x86_64")
    (subject,) = load(declared, [declared.variant("6.12")])
    rig, addresses = events.interrupted(lambda: Rig(subject, 1), EXERCISES["graph"], {1: 0})
    first, *others = rig.recordings
    assert addresses
    assert not first.nested
    assert {recording.nested for recording in others} == {True, False}


def test_interrupts_come_from_devices_and_as_nmis():
    declared = catalog.load("x86_64")
    (subject,) = load(declared, [declared.variant("6.12")])
    rig = Rig(subject, 1)
    contexts: list[Context] = []
    rig.ops("probe", act=lambda rig: contexts.append(rig.lab.current.context))
    events.Interrupts(rig)
    rig.call()
    assert set(contexts) == {Context.NORMAL, Context.IRQ, Context.NMI}


def test_where_interrupts_are_off_only_an_nmi_comes():
    declared = catalog.load("x86_64")
    (subject,) = load(declared, [declared.variant("6.12")])
    rig = Rig(subject, 1)
    contexts: list[Context] = []
    rig.ops("probe", act=lambda rig: contexts.append(rig.lab.current.context))
    interrupts = events.Interrupts(rig)
    registers = rig.lab.layout.unpack(rig.lab.runner.prepare(rig.lab.runner.state()))
    off = rig.lab.layout.pack({**registers, "eflags": registers["eflags"] & ~0x200})
    assert {interrupts._context(off) for _ in range(4)} == {Context.NMI}


def test_a_stack_that_is_lost_cannot_be_interrupted(tampered):
    """Without memory to push to there is no handler; the run ends as it would have ended."""
    lab = tampered(
        "x86_64",
        "3.6",
        ("        SAVE\n        IP      to=%rdi ", "        SAVE\n        mov $16, %rsp\n        IP      to=%rdi "),
    )
    rig = Rig(lab.subject, 1)
    events.Interrupts(rig)
    rig.ops("probe")
    recording = rig.call()
    assert isinstance(recording.outcome, RunError)
