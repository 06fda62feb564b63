# SPDX-License-Identifier: GPL-2.0-only
"""Our own trampolines with one thing changed, as a slip of the pen would: the picture must change, and say how."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.errors import Fault, InputError, LimitReached, RunError, TrapReached
from emulator.honours import Honoured
from emulator.lab import Lab
from emulator.provenance import Status
from emulator.recording import Call, Pointer, Recording, RecordSeen

Edit = tuple[str, str]


@dataclass(frozen=True)
class Slip:
    """A change to the text of a variant's source, the ops that it is tried with, and what must be seen then."""

    name: str
    arch: str
    variant: str
    flags: str
    edits: tuple[Edit, ...]
    expect: Callable[[Recording], None]


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def register(lab: Lab, name: str, flags: str) -> FtraceOps:
    ops = FtraceOps(name, ignore, flags=flags.split())
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    return ops


def only(recording: Recording) -> Call:
    (call,) = recording.callbacks
    return call


def record(recording: Recording) -> RecordSeen:
    call = recording.callbacks[0]
    found = call.fregs or call.regs
    assert found is not None
    return found


# -- what can be expected ----------------------------------------------------------------------------------------------


def ip_is_off_by(distance: int) -> Callable[[Recording], None]:
    def expect(recording: Recording) -> None:
        assert only(recording).ip == recording.hit.ip + distance

    return expect


def parent_is(symbol: str) -> Callable[[Recording], None]:
    def expect(recording: Recording) -> None:
        assert recording.lab.symbol(only(recording).parent_ip).startswith(symbol)

    return expect


def op_is(symbol: str) -> Callable[[Recording], None]:
    def expect(recording: Recording) -> None:
        op = only(recording).op
        assert isinstance(op, Pointer)
        assert op.symbol == symbol

    return expect


def member(name: str, status: str, origin: str, *, letters: str = "") -> Callable[[Recording], None]:
    """The member has that status and that origin; `letters` are those of its bytes."""

    def expect(recording: Recording) -> None:
        seen = record(recording)[name]
        assert seen.status is Status(status), seen
        assert origin in str(seen.origin)
        if letters:
            assert "".join(byte.status.value for byte in seen.bytes) == letters

    return expect


def lands_with(*names: str) -> Callable[[Recording], None]:
    """The function goes on with these registers changed, which nobody may change."""

    def expect(recording: Recording) -> None:
        assert recording.outcome is None
        assert set(names) <= recording.hit.changed().keys()
        untraced = Lab(subject=recording.lab.subject).call("vfs_read")
        assert recording.result != untraced.result

    return expect


def ends_badly(kind: type[RunError], where: str = "") -> Callable[[Recording], None]:
    def expect(recording: Recording) -> None:
        assert isinstance(recording.outcome, kind)
        assert recording.outcome.recording is recording
        assert where in recording.outcome.where

    return expect


def does_not_land(recording: Recording) -> None:
    assert recording.hit.landing is None


def honoured(name: str, expected: Honoured) -> Callable[[Recording], None]:
    def expect(recording: Recording) -> None:
        assert record(recording).honoured(name) is expected

    return expect


def every(*expectations: Callable[[Recording], None]) -> Callable[[Recording], None]:
    def expect(recording: Recording) -> None:
        for expectation in expectations:
            expectation(recording)

    return expect


def is_full(recording: Recording) -> None:
    """The callback takes a partial record for a full one."""
    call = only(recording)
    assert call.regs is not None
    assert call.regs.populated < len(call.regs)


def check_op_is_own(recording: Recording) -> None:
    assert only(recording).op is only(recording).ops


# -- slips -------------------------------------------------------------------------------------------------------------


def x86(name: str, flags: str, *edits: Edit, expect: Callable[[Recording], None], variant: str = "6.12") -> Slip:
    return Slip(name, "x86_64", variant, flags, edits, expect)


def arm(name: str, flags: str, *edits: Edit, expect: Callable[[Recording], None], variant: str = "6.12") -> Slip:
    return Slip(name, "arm", variant, flags, edits, expect)


X86 = [
    x86(
        "store moved",
        "",
        ("%r8, PT_r8(%rsp)", "%r8, PT_bx(%rsp)"),
        expect=every(
            member("r8", ".", "never written"), member("bx", "!", "register r8 at the site"), lands_with("r8")
        ),
    ),
    x86(
        "store moved within regs",
        "SAVE_REGS",
        ("%r12, PT_r12(%rsp)", "%r12, PT_ss(%rsp)"),
        expect=every(member("r12", ".", "never written"), member("ss", "c", "0x18"), lands_with("r12")),
    ),
    x86(
        "stores swapped",
        "SAVE_REGS",
        ("%r15, PT_r15(%rsp)", "%r15, PT_r14(%rsp)"),
        ("%r14, PT_r14(%rsp)", "%r14, PT_r15(%rsp)"),
        expect=every(member("r15", "!", "register r14"), member("r14", "!", "register r15"), lands_with("r14", "r15")),
    ),
    x86(
        "narrow store",
        "SAVE_REGS",
        ("%r15, PT_r15(%rsp)", "%r15d, PT_r15(%rsp)"),
        expect=every(
            member("r15", "!", "a mixture: r15[0]..r15[3], never written", letters="====...."), lands_with("r15")
        ),
    ),
    x86(
        "value cut",
        "",
        ("mov     %rcx, PT_cx(%rsp)", "mov %ecx, %ecx; mov %rcx, PT_cx(%rsp)"),
        expect=member("cx", "!", "rcx[0]..rcx[3], 0x0", letters="====!!!!"),
    ),
    x86(
        "push dropped",
        "SAVE_REGS",
        ("        pushfq                                          // first", "  // first"),
        expect=every(does_not_land, member("flags", "!", "the address behind the site")),
    ),
    x86("ip off by one", "", (".set    MCOUNT_INSN_SIZE, 5", ".set    MCOUNT_INSN_SIZE, 4"), expect=ip_is_off_by(1)),
    x86("ip not adjusted", "", ("sub     $MCOUNT_INSN_SIZE, %rdi", "nop"), expect=ip_is_off_by(5)),
    x86(
        "parent from the wrong slot",
        "",
        ("mov     (%rdx), %rsi", "mov     -8(%rdx), %rsi"),
        expect=parent_is("vfs_read+"),
    ),
    x86("register not restored", "", ("mov     PT_dx(%rsp), %rdx\n", "nop\n"), expect=lands_with("rdx")),
    x86(
        "restored from another slot",
        "SAVE_REGS",
        ("PT_r12(%rsp), %r12", "PT_r13(%rsp), %r12"),
        expect=every(lands_with("r12"), honoured("r12", Honoured.NO), honoured("r13", Honoured.ASTRAY)),
    ),
    x86(
        "mark left non-zero",
        "",
        ("movq    $0, PT_cs(%rsp)", "movq    $__KERNEL_CS, PT_cs(%rsp)"),
        expect=every(is_full, member("cs", "!", "the constant 0x10")),
    ),
    x86(
        "mark not set",
        "SAVE_REGS",
        ("$__KERNEL_CS, PT_cs(%rsp) ", "$0, PT_cs(%rsp) "),
        expect=every(member("cs", "!", "the constant 0x0")),
    ),
    x86(
        "record off by a word",
        "SAVE_REGS",
        ("mov     %rsp, %rcx                              // fregs, or regs", "lea 8(%rsp), %rcx"),
        expect=every(
            member("r15", "!", "register r14"),
            member("si", "!", "register rdi"),
            member("orig_ax", "!", "the address behind the site"),
        ),
    ),
    x86(
        "record at the parent's slot",
        "",
        ("mov     %rsp, %rcx                              // fregs\n", "lea AREA+8(%rsp), %rcx\n"),
        expect=member("r15", "!", "the return address of the traced function"),
    ),
    x86(
        "sp off by a word",
        "SAVE_REGS",
        ("mov     %rdx, PT_sp(%rsp)", "add $8, %rdx; mov %rdx, PT_sp(%rsp); sub $8, %rdx"),
        expect=member("sp", "!", "register rsp at the site +0x8"),
    ),
    x86(
        "ip in the record is the site's",
        "",
        ("mov     %rdi, PT_ip(%rsp)", "sub $5, %rdi; mov %rdi, PT_ip(%rsp); add $5, %rdi"),
        expect=every(member("ip", "!", "behind the site -0x5")),
    ),
    x86(
        "flags read too late",
        "SAVE_REGS",
        ("        pushfq                                          // first", "        xor %eax, %eax; pushfq // first"),
        expect=every(member("ax", "!", "0x0"), lands_with("rax")),
    ),
    x86(
        "constant wrong",
        "SAVE_REGS",
        (".set    __KERNEL_DS, 0x18", ".set    __KERNEL_DS, 0x2b"),
        expect=member("ss", "!", "the constant 0x2b"),
    ),
    x86(
        "an address where a number belongs",
        "SAVE_REGS",
        ("movq    $__KERNEL_DS, PT_ss(%rsp)", "movq    $ftrace_stub, PT_ss(%rsp)"),
        expect=member("ss", "!", "the address ftrace_stub"),
    ),
    x86(
        "back one byte too far",
        "",
        (
            "mov     PT_ip(%rsp), %rax                       // rip = fregs->ip: func may",
            "mov PT_ip(%rsp), %rax; inc %rax // rip = fregs->ip: func may",
        ),
        expect=does_not_land,
    ),
    x86(
        "ip not loaded back",
        "",
        (
            "mov     %rax, AREA(%rsp)\n        RESTORE\nLABEL ftrace_caller_end",
            "nop\n        RESTORE\nLABEL ftrace_caller_end",
        ),
        expect=every(honoured("ip", Honoured.NO), honoured("ax", Honoured.YES)),
    ),
    x86(
        "flags not loaded back",
        "SAVE_REGS",
        ("mov     PT_flags(%rsp), %rax ", "mov     AREA(%rsp), %rax "),
        expect=every(honoured("flags", Honoured.NO), honoured("r12", Honoured.YES)),
    ),
    x86(
        "frame given up too early",
        "",
        ("add     $AREA-\\keep, %rsp", "add     $AREA-8-\\keep, %rsp"),
        expect=every(does_not_land, ends_badly(Fault)),
    ),
    x86(
        "op from elsewhere",
        "RECURSION_SAFE",
        ("lea     function_trace_op(%rip), %rdx", "lea ftrace_trace_function(%rip), %rdx"),
        variant="3.7",
        expect=op_is("&ftrace_trace_function"),
    ),
    x86(
        "op mended",
        "RECURSION_SAFE",
        ("lea     function_trace_op(%rip), %rdx", "mov function_trace_op(%rip), %rdx"),
        variant="3.7",
        expect=check_op_is_own,
    ),
    x86(
        "orig_ax filled",
        "RECURSION_SAFE SAVE_REGS",
        ("mov     %r15, PT_r15(%rsp) ", "movq $-1, PT_orig_ax(%rsp); mov %r15, PT_r15(%rsp) "),
        variant="3.7",
        expect=member("orig_ax", "!", "the constant 0xffffffffffffffff"),
    ),
    x86(
        "regs where NULL belongs",
        "RECURSION_SAFE",
        ("mov     $0, %ecx ", "mov     %rsp, %rcx "),
        variant="3.7",
        expect=is_full,
    ),
    x86(
        "frame pointer wrong",
        "",
        ("mov     AREA-8(%rsp), %rdx ", "mov     %rbp, %rdx "),
        variant="6.12-fp",
        expect=every(member("bp", "!", "register rbp at the site -0x38"), lands_with("rbp")),
    ),
]

ARM = [
    arm(
        "ip off by a word", "", (".set    MCOUNT_INSN_SIZE, 4", ".set    MCOUNT_INSN_SIZE, 8"), expect=ip_is_off_by(-4)
    ),
    arm("thumb bit", "", ("sub     \\rd, \\rd, #MCOUNT_INSN_SIZE", "sub \\rd, \\rd, #3"), expect=ip_is_off_by(1)),
    arm(
        "parent from the wrong slot",
        "",
        ("ldr     r1, [sp, #FRAME_parent]", "ldr     r1, [sp, #FRAME_lr]"),
        expect=parent_is("vfs_read+"),
    ),
    arm(
        "op is its function",
        "",
        (
            "LOAD_VARIABLE r2, function_trace_op     // op = function_trace_op\n        mov     r3, #0",
            "LOAD_VARIABLE r2, ftrace_trace_function\n        mov     r3, #0",
        ),
        expect=op_is("probe_func"),
    ),
    arm(
        "op is the variable",
        "",
        (
            "LOAD_VARIABLE r2, function_trace_op     // op = function_trace_op\n        mov     r3, #0",
            "movw r2, #:lower16:function_trace_op\nmovt r2, #:upper16:function_trace_op\nmov r3, #0",
        ),
        expect=op_is("&function_trace_op"),
    ),
    arm(
        "wrong register stored",
        "SAVE_REGS",
        ("str     r0, [sp, #PT_ORIG_r0 - PT_pc]", "str     r1, [sp, #PT_ORIG_r0 - PT_pc]"),
        expect=member("ORIG_r0", "!", "register r1 at the site"),
    ),
    arm(
        "store dropped",
        "SAVE_REGS",
        ("str     r0, [sp, #PT_ORIG_r0 - PT_pc]", "nop"),
        expect=member("ORIG_r0", "!", "the return address of the traced function"),
    ),
    arm(
        "narrow store",
        "SAVE_REGS",
        ("str     r0, [sp, #PT_ORIG_r0 - PT_pc]", "strh    r0, [sp, #PT_ORIG_r0 - PT_pc]"),
        expect=member("ORIG_r0", "!", "a mixture: r0[0]..r0[1]", letters="==!!"),
    ),
    arm(
        "record off by a word",
        "SAVE_REGS",
        ("mov     r3, sp                          // regs = sp", "add     r3, sp, #4"),
        expect=every(
            member("r0", "!", "register r1"), member("pc", ".", "never written"), member("cpsr", "!", "register r0")
        ),
    ),
    arm(
        "sp off by a word",
        "SAVE_REGS",
        ("add     lr, sp, #PT_SIZE - PT_lr", "add     lr, sp, #PT_SIZE - PT_lr - 4"),
        expect=member("sp", "!", "register sp at the site, stored by"),
    ),
    arm(
        "register lost",
        "",
        (
            "pop     {r0-r3}\n        ldr     lr, [sp, #FRAME_parent - FRAME_lr]",
            "pop {r0-r2}\n        add sp, sp, #4\n        ldr     lr, [sp, #FRAME_parent - FRAME_lr]",
        ),
        expect=lands_with("r3"),
    ),
    arm(
        "cpsr filled",
        "SAVE_REGS",
        (
            "str     lr, [sp, #PT_lr - PT_pc]! ",
            "mrs r12, cpsr; str r12, [sp, #PT_cpsr - PT_pc]; str     lr, [sp, #PT_lr - PT_pc]! ",
        ),
        expect=every(member("cpsr", "=", "register cpsr at the site"), member("ip", "!", "register cpsr")),
    ),
    arm(
        "pc not loaded back",
        "SAVE_REGS",
        (
            "ldr     pc, [sp], #PT_SIZE - PT_pc      // pc = regs->pc\n        .endm",
            "ldr pc, [sp, #PT_r0 - PT_pc]\n        .endm",
        ),
        expect=every(does_not_land, ends_badly(Fault)),
    ),
]
SLIPS = [*X86, *ARM]


@pytest.mark.parametrize("slip", SLIPS, ids=[f"{slip.arch} {slip.name}" for slip in SLIPS])
def test_a_slip_shows(slip: Slip, tampered: Callable[..., Lab]) -> None:
    lab = tampered(slip.arch, slip.variant, *slip.edits)
    register(lab, "probe", slip.flags)
    recording = lab.run("vfs_read")
    slip.expect(recording)
    look_at_everything(recording)


@pytest.mark.parametrize("slip", SLIPS, ids=[f"{slip.arch} {slip.name}" for slip in SLIPS])
def test_the_same_code_unchanged_does_not_meet_the_expectation(slip: Slip) -> None:
    lab = Lab(slip.arch, variant=slip.variant)
    register(lab, "probe", slip.flags)
    recording = lab.run("vfs_read")
    assert recording.outcome is None
    with pytest.raises((AssertionError, ValueError)):
        slip.expect(recording)


def look_at_everything(recording: Recording) -> None:
    """Whatever somebody could ask of the recording gives an answer."""
    for hit in recording.hits:
        hit.changed()
        recording.cost(hit)
    for call in recording.callbacks[:16]:
        str(call.op)
        assert call.via
        for seen in call.fregs or call.regs or ():
            assert str(seen.origin)
            assert len(seen.bytes) == seen.member.size
            assert isinstance((call.fregs or call.regs).honoured(seen.member.name), Honoured)  # type: ignore[union-attr]


def test_a_wrong_ip_behind_a_filter_shows_as_nobody_called(tampered: Callable[..., Lab]) -> None:
    lab = tampered("x86_64", "6.12", (".set    MCOUNT_INSN_SIZE, 5", ".set    MCOUNT_INSN_SIZE, 4"))
    register(lab, "probe", "")
    register(lab, "second", "")
    recording = lab.call("vfs_read")
    assert recording.callbacks == []
    assert [arrival.symbol for arrival in recording.hit.arrivals] == ["ftrace_ops_list_func"]


def test_a_direct_call_that_nobody_asked_for(tampered: Callable[..., Lab]) -> None:
    """orig_ax left at 7: harmless in a copy, a jump to 7 from the shared ftrace_regs_caller."""
    lab = tampered("x86_64", "6.12", ("movq    $0, PT_orig_ax(%rsp)", "movq    $7, PT_orig_ax(%rsp)"))
    register(lab, "probe", "SAVE_REGS")
    assert record(lab.call("vfs_read"))["orig_ax"].status is Status.WRONG
    register(lab, "second", "SAVE_REGS")
    with pytest.raises(Fault, match="0x7") as fault:
        lab.call("vfs_read")
    assert "ftrace_regs_caller+" in fault.value.where


MOST = r"^\s+(mov|movq|lea|sub|add|push|pushq|pushfq|popfq|str|ldr|pop|bic|movw|movt|test)\b"


def lines_of_code() -> list[Any]:
    """Each instruction of the 6.12 trampolines: (arch, number of the line)."""
    found = []
    for name in catalog.names():
        arch = catalog.load(name)
        text = catalog.source_text(arch, arch.variant("6.12").source)
        numbers = [number for number, line in enumerate(text.splitlines()) if re.match(MOST, line)]
        found += [pytest.param(name, number, id=f"{name}-{number + 1}") for number in numbers]
    return found


def attempt(arch: str, source: Path) -> Lab | None:
    """A kernel with that source; None where it is refused, which must name the source."""
    try:
        return Lab(arch, variant="6.12", source=source)
    except InputError as error:
        refusal = str(error)
    assert source.name in refusal
    return None


@pytest.mark.parametrize(("arch", "number"), lines_of_code())
def test_any_instruction_left_out_ends_in_a_recording_or_a_clear_error(arch: str, number: int, tmp_path: Path) -> None:
    declared = catalog.load(arch)
    variant = declared.variant("6.12")
    lines = catalog.source_text(declared, variant.source).splitlines()
    lines[number] = ""
    source = tmp_path / "f.S"
    source.write_text("\n".join(lines) + "\n")
    lab = attempt(arch, source)
    if lab is None:
        return
    for flags in ("", "SAVE_REGS") if variant.regs else ("",):
        ops = register(lab, f"ops{flags}", flags)
        recording = lab.run("vfs_read")
        assert recording.outcome is None or isinstance(recording.outcome, (Fault, LimitReached, TrapReached))
        look_at_everything(recording)
        lab.unregister(ops)
    assert lab.call("vfs_read").callbacks == []
