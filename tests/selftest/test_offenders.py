# SPDX-License-Identifier: GPL-2.0-only
"""Every case has teeth: our own trampolines, or the core behind them, with one thing wrong, and who notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from emulator import catalog
from emulator.core import choice, filters, functions, match, patching, registration
from emulator.core.direct import Direct
from emulator.core.graph import Graph
from emulator.core.hashes import OpsHash
from emulator.core.returns import Returns
from emulator.core.shadow import ShadowStack
from emulator.lab import Lab
from emulator.patcher import Patcher
from emulator.selftest import CASES, Verdict, judge
from emulator.subject import Subject, load

CASE = {case.name: case for case in CASES}


def failures(subject: Subject, *names: str) -> dict[str, str]:
    """What each of the cases that fail says."""
    judged = [judge(CASE[name], subject) for name in names or CASE]
    return {item.case.name: item.text for item in judged if item.verdict is Verdict.FAIL}


# -- trampolines -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slip:
    """A change to the text of a variant's source, and what the cases that must notice then say."""

    name: str
    arch: str
    variant: str
    edits: tuple[tuple[str, str], ...]
    says: Mapping[str, str]


def x86(name: str, *edits: tuple[str, str], variant: str = "6.12", **says: str) -> Slip:
    return Slip(name, "x86_64", variant, edits, {case.replace("_", "-"): text for case, text in says.items()})


def arm(name: str, *edits: tuple[str, str], variant: str = "6.12", **says: str) -> Slip:
    return Slip(name, "arm", variant, edits, {case.replace("_", "-"): text for case, text in says.items()})


X86_PLAIN_CALL = (
    "LABEL ftrace_call\n        call    ftrace_stub                             // func(ip, parent_ip, op, fregs)\n",
    "jmp 9f\nLABEL ftrace_call\n        call    ftrace_stub\n9:\n",
)
X86_REGS_CALL = (
    "LABEL ftrace_regs_call\n        call    ftrace_stub ",
    "jmp 9f\nLABEL ftrace_regs_call\n        call ftrace_stub; 9: // ",
)
ARM_GRAPH_CALLER = (
    "LABEL ftrace_graph_call\n        mov     r0, r0 ",
    "b 9f\nLABEL ftrace_graph_call\nmov r0, r0; 9: // ",
)

SLIPS = [
    x86(
        "ftrace_caller calls nobody",
        X86_PLAIN_CALL,
        function="no entries found",
        dynamic_ftrace="filter failed count=0",
        ops_1="three probes, F1 called: expected (1 0 1 - -), got (0 0 0 0 0)",
        ops_2="three probes, F1 called: expected (1 0 1 + -), got (0 0 0 0 0)",
        recursion="callback not called once (or twice) (0)",
        recursion_safe="callback not called expected 2 times (1)",
        function_graph="no entries found",
        storage_1="Failed to execute storage byte",
        storage_2="Failed to execute storage short",
        storage_4="Failed to execute storage word",
        storage_8="Failed to execute storage long long",
        storage_multiple="Failed to execute storage byte",
        ops_sample="ops_relevant0: Counter called 0 times (expected 50)",
        ops_sample_irrelevant="ops_relevant0: Counter called 0 times (expected 50)",
        ops_sample_relevant="ops_relevant0: Counter called 0 times (expected 50)",
        ops_sample_many="ops_relevant0: Counter called 0 times (expected 50)",
        ops_sample_recursion="ops_relevant0: Counter called 0 times (expected 50)",
        ops_sample_rcu="ops_relevant0: Counter called 0 times (expected 50)",
        fgraph_filter="No schedule traces found?",
        fgraph_filter_stack="No schedule traces found?",
        fgraph_multi="No traces found with sched?",
        fgraph_retval="proc_reg_write: no return was seen",
        func_filter_glob="*read: traced: expected bprm_read, kernel_read, ksys_read, vfs_read, got nothing",
        func_filter_pid="PID filtering not working?",
        func_filter_pid_graph="PID filtering not working?",
        livepatch="this has been live patched: vfs_read() returned: expected 0x5a",
        op_argument="first, alone: callback never called",
        op_argument_list="first, one of two: callback never called",
        parent_ip="vfs_read: callback never called",
        private_trampolines="calls of first: expected 1, got 0",
        mixed_save_regs="plain alone: calls: expected 1, got 0",
        save_regs_race="calls of the plain ops: expected 1, got 0",
        graph_depth="98 deep: returns seen: expected 98, got 0",
        graph_tail_call="returns: expected ['vfs_read', 'vfs_readv'], got []",
    ),
    x86(
        "ftrace_regs_caller calls nobody",
        X86_REGS_CALL,
        regs="callback never called",
        ops_sample_regs="ops_relevant0: Counter called 0 times (expected 50)",
        ops_sample_regs_many="ops_relevant0: Counter called 0 times (expected 50)",
        ops_sample_all="ops_relevant0: Counter called 0 times (expected 50)",
        graph_direct="no entries found with a direct trampoline",
        ftrace_direct="tracer direct: my_direct_func calls: expected 1, got 0",
        kprobe_direct="tracer: tracer calls: expected 1, got 0",
        ipmodify="redirected, the function returned: expected",
        return_override="the overridden function returned: expected 42",
        graph_ipmodify="graph first: entries: expected",
    ),
    x86(
        "the mark of a full record is not set",
        ("movq    $__KERNEL_CS, PT_cs(%rsp) ", "movq $0, PT_cs(%rsp) "),
        regs="callback received NULL regs",
        mixed_save_regs="both: regs: expected full, got NULL",
        ipmodify="callback received NULL regs",
        return_override="callback received NULL regs",
        ops_sample_regs_many="ops_relevant0: Counter called 0 times (expected 50)",
    ),
    x86(
        "the mark of a full record in a partial one",
        ("movq    $0, PT_cs(%rsp) ", "movq $1, PT_cs(%rsp) "),
        mixed_save_regs="plain alone: regs: expected NULL, got full",
        save_regs_race="calls of the SAVE_REGS ops: expected 0, got 1",
    ),
    x86(
        "NULL for a record",
        ("mov     %rsp, %rcx                              // fregs\n", "xor %ecx, %ecx\n"),
        livepatch="klp_ftrace_handler received NULL fregs",
    ),
    x86(
        "ip not adjusted",
        ("sub     $MCOUNT_INSN_SIZE, %rdi", "nop"),
        ops_sample_many="ops_relevant0: Counter called 0 times (expected 50)",
        op_argument_list="first, one of two: callback never called",
    ),
    x86(
        "op is the variable's address, as in 3.7",
        (
            "LABEL ftrace_caller_op_ptr\n        mov     function_trace_op(%rip), %rdx ",
            "LABEL ftrace_caller_op_ptr\n mov function_trace_op(%rip), %rdx; lea function_trace_op(%rip), %rdx ",
        ),
        op_argument="op of first, alone: expected &first, got &function_trace_op",
        recursion="ftrace_ops_assist_func got &function_trace_op for its op, which is no ops",
    ),
    x86(
        "parent_ip from the wrong slot",
        ("mov     (%rdx), %rsi", "mov     -8(%rdx), %rsi"),
        parent_ip="parent_ip of ksys_read is ksys_read+0x5",
    ),
    x86(
        "a register is not loaded back",
        ("mov     PT_dx(%rsp), %rdx\n", "nop\n"),
        registers="the graph tracer: rdx at landing in ksys_read: expected",
    ),
    x86(
        "return_to_handler drops rax",
        ("mov     PT_ax(%rsp), %rax                       // rax = fregs->ax\n", "nop\n"),
        registers="the graph tracer: vfs_read() returned: expected",
        graph_depth="98 deep: device_is_dependent() returned: expected 97",
        ftrace_direct="tracer: result: expected",
    ),
    x86(
        "return_to_handler drops rdx",
        ("mov     PT_dx(%rsp), %rdx                       // rdx = fregs->dx\n", "nop\n"),
        registers="the graph tracer: vfs_read() returned: expected",
    ),
    x86(
        "the return value is not passed",
        ("mov     %rax, PT_ax(%rsp)                       // fregs->ax = rax\n", "movq $0, PT_ax(%rsp)\n"),
        fgraph_retval="Return value can not be printed in signed decimal format (0)",
    ),
    x86(
        "half of the return value is passed",
        ("mov     %rax, PT_ax(%rsp)                       // fregs->ax = rax\n", "mov %ax, PT_ax(%rsp)\n"),
        fgraph_retval="Return value can not be printed in signed decimal format (",
    ),
    x86(
        "the direct call is not looked for, as on i386",
        ("test    %rax, %rax                              // if (regs->orig_ax)", "xor     %eax, %eax"),
        ftrace_direct="tracer direct: my_direct_func calls: expected 1, got 0",
        ftrace_direct_too="tracer direct: my_direct_func calls: expected 1, got 0",
        kprobe_direct="tracer direct: my_direct_func calls: expected 1, got 0",
        kprobe_direct_too="tracer direct: my_direct_func calls: expected 1, got 0",
    ),
    x86(
        "ip is not loaded back",
        ("mov     %rax, AREA(%rsp)\n        RESTORE\nLABEL ftrace_caller_end", "nop\nRESTORE\nLABEL ftrace_caller_end"),
        livepatch="this has been live patched: vfs_read() returned: expected 0x5a, got",
    ),
    x86(
        "regs->ip is not loaded back",
        ("mov     %rax, AREA+8(%rsp)\n", "nop\n"),
        ipmodify="redirected, the function returned: expected",
        return_override="the overridden function returned: expected 42, got",
        graph_ipmodify="graph first: the function returned: expected",
    ),
    x86(
        "regs->ax is not loaded back",
        ("mov     PT_ax(%rsp), %rax\n", "mov %rdi, %rax\n"),
        return_override="the overridden function returned: expected 42, got",
    ),
    x86(
        "ftrace_graph_caller asks nobody",
        ("call    prepare_ftrace_return", "nop"),
        variant="3.7",
        function_graph="no entries found",
        fgraph_filter="No schedule traces found?",
        graph_depth="50 deep: returns seen: expected 50, got 0",
    ),
    x86(
        "function_trace_stop is not looked at",
        (
            "FUNC ftrace_caller\n        cmpl    $0, function_trace_stop(%rip) ",
            "FUNC ftrace_caller\n cmp %eax, %eax //",
        ),
        variant="3.7",
        function_trace_stop="function_trace_stop is set, and the callback was called",
    ),
    x86(
        "flags are lost where it is stopped",
        (
            "1:      popfq                                           // flags, which",
            "1: lea 8(%rsp), %rsp // flags, which",
        ),
        variant="3.7",
        function_trace_stop="stopped: eflags at landing in trace_selftest_dynamic_test_func: expected",
    ),
    x86(
        "regs without support for them",
        ("mov     $0, %ecx ", "mov     %rsp, %rcx "),
        variant="3.7-ops-no-regs",
        regs="callback received regs without arch support",
    ),
    arm(
        "ftrace_graph_caller is left out",
        ARM_GRAPH_CALLER,
        function_graph="no entries found",
        fgraph_filter="No schedule traces found?",
    ),
    arm(
        "return_to_handler passes another frame pointer",
        ("add     r0, sp, #RETURN_SIZE ", "mov     r0, sp "),
        frame_pointer_test="panic was called, which nothing acts for here",
        function_graph="panic was called, which nothing acts for here",
    ),
    arm(
        "parent_ip is the site's return address",
        ("ldr     r1, [sp, #PT_lr] ", "ldr     r1, [sp, #PT_pc] "),
        parent_ip="parent_ip of ksys_read is ksys_read+0x10",
    ),
    arm(
        "a register of the caller's is lost",
        (
            "pop     {r0-r3}\n        ldr     lr, [sp, #FRAME_parent",
            "pop {r0-r3}; mov r4, #0\n ldr lr, [sp, #FRAME_parent",
        ),
        registers="the graph tracer: r4 at landing in ksys_read: expected",
    ),
]


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: f"{slip.arch} {slip.variant}: {slip.name}")
def test_who_notices_a_slip(slip: Slip, tampered: Callable[..., Lab]) -> None:
    found = failures(tampered(slip.arch, slip.variant, *slip.edits).subject, *slip.says)
    assert found.keys() == slip.says.keys()
    for name, text in slip.says.items():
        assert text in found[name]


# -- the core ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lapse:
    """A rule of the core that is not kept: what stands in the place of owner.name, and what is said then."""

    what: str
    owner: Any
    name: str
    instead: Callable[..., Any]
    says: Mapping[str, str]
    variant: tuple[str, str] = ("x86_64", "6.12")


def lapse(what: str, owner: Any, name: str, instead: Callable[..., Any], *variant: str, **says: str) -> Lapse:
    said = {case.replace("_", "-"): text for case, text in says.items()}
    return Lapse(what, owner, name, instead, said, *([("arm", variant[0])] if variant else []))


def nothing(*_: object, **__: object) -> None:
    pass


def always(*_: object, **__: object) -> bool:
    return True


def never(*_: object, **__: object) -> bool:
    return False


@contextmanager
def unguarded(*_: object) -> Iterator[bool]:
    yield True


def single_bit(task: Any, *_: object) -> Any:
    """A guard of 3.7's kind."""

    @contextmanager
    def guard() -> Iterator[bool]:
        entered, task.trace_recursion = not task.trace_recursion, 1
        try:
            yield entered
        finally:
            task.trace_recursion = 0 if entered else 1

    return guard()


SET_REGEX = filters.set_regex


def set_without_not(*arguments: Any, reset: bool) -> None:
    """ftrace_set_regex() that knows no !"""
    kept: list[Any] = [argument.lstrip("!") if isinstance(argument, str) else argument for argument in arguments]
    SET_REGEX(*kept, reset=reset)


LAPSES = [
    lapse(
        "filters mean nothing",
        OpsHash,
        "contains",
        always,
        dynamic_ftrace="filter did not filter: ksys_read, vfs_read",
        ops_1="three probes, F1 called: expected (1 0 1 - -), got (1 1 1 0 0)",
        fgraph_filter="Graph filtering not working by itself?",
        ops_sample_irrelevant="ops_irrelevant0: Counter called 50 times (expected 0)",
        func_set_ftrace_file="> schedule: traced: expected schedule, got",
    ),
    lapse(
        "the list function skips everybody",
        functions,
        "ops_test",
        never,
        ops_2="three probes, F1 called: expected (1 0 1 + -), got (0 0 0 0 0)",
        op_argument_list="first, one of two: callback never called",
        private_trampolines="calls of first, second, third: expected (2, 2, 1), got (1, 2, 0)",
        ops_sample_relevant="ops_relevant0: Counter called 0 times (expected 50)",
    ),
    lapse(
        "nobody is guarded",
        functions,
        "guard",
        unguarded,
        recursion="callback not called once (or twice) (12)",
    ),
    lapse("one bit for all contexts", functions, "guard", single_bit, recursion="callback called once: without"),
    lapse(
        "nobody is guarded",
        functions,
        "guard",
        unguarded,
        "3.7",
        recursion="callback not called once (12)",
    ),
    lapse(
        "nothing is refused",
        registration,
        "may_register",
        nothing,
        "3.7",
        regs="registered save-regs without arch support",
    ),
    lapse(
        "nothing is refused",
        registration,
        "may_register",
        nothing,
        livepatch="registering while kernel.ftrace_enabled = 0 returned: expected -16, got 0",
    ),
    lapse(
        "a full glob is read as one of 3.x",
        match,
        "glob",
        match.affix,
        func_filter_full_glob="*s_*ad: set_ftrace_filter: expected",
    ),
    lapse(
        "only whole names match",
        match,
        "affix",
        lambda search: lambda name: name == search,
        "3.7",
        func_filter_glob="'*read' matches no traced function",
    ),
    lapse(
        "! adds",
        filters,
        "set_regex",
        set_without_not,
        func_set_ftrace_file=">> !*write: set_ftrace_filter: expected vfs_read, vfs_readv, got ksys_write",
        ops_1="F1 removed from probe 3, F1 called: expected (3 2 4 - +), got (3 2 5 0 3)",
    ),
    lapse("pids mean nothing", choice, "swap_for_pids", nothing, func_filter_pid="PID filtering not working?"),
    lapse(
        "direct calls are not registered",
        Direct,
        "register",
        nothing,
        direct="my_direct_func calls: expected 1, got 0",
        direct_too="my_direct_func calls: expected 1, got 0",
        direct_modify="turn 1: calls of my_direct_func1, 2: expected (1, 0), got (0, 0)",
        direct_multi="ip of vfs_read: expected 0x",
        direct_multi_modify="turn 1: calls of my_direct_func1, 2: expected (2, 0), got (0, 0)",
    ),
    lapse(
        "direct calls are not modified",
        Direct,
        "modify",
        nothing,
        direct_modify="turn 2: calls of my_direct_func1, 2: expected (1, 1), got (2, 0)",
        direct_multi_modify="turn 2: calls of my_direct_func1, 2: expected (2, 2), got (4, 0)",
    ),
    lapse(
        "direct calls stay",
        Direct,
        "unregister",
        nothing,
        direct="my_direct_func calls after rmmod: expected 1, got 2",
        ftrace_direct="tracer direct -direct: my_direct_func calls: expected 0, got 1",
    ),
    lapse(
        "no private copies",
        Patcher,
        "update_trampoline",
        nothing,
        private_trampolines="calls: expected ftrace_trampoline[first], got ftrace_caller",
    ),
    lapse(
        "sites are written without a look at all of them",
        patching,
        "verify_site",
        nothing,
        corrupt_site="vfs_read enabled: expected False, got True",
    ),
    lapse(
        "sites are written whatever is there",
        Patcher,
        "_expect",
        nothing,
        corrupt_site="the first registration returned: expected -19, got 0",
    ),
    lapse(
        "everybody sees every function",
        Returns,
        "_wanted",
        always,
        fgraph_multi="Graph filtering not working by itself against read?",
    ),
    lapse(
        "the shadow stack has no end",
        ShadowStack,
        "full",
        never,
        graph_depth="99 deep: returns seen: expected 98, got 99",
    ),
    lapse(
        "nothing is reserved",
        ShadowStack,
        "reserve",
        nothing,
        storage_1="Failed to reserve byte",
        storage_multiple="Failed to reserve byte",
    ),
    lapse(
        "nothing is found again",
        ShadowStack,
        "retrieve",
        nothing,
        storage_2="Failed to retrieve short",
    ),
    lapse(
        "something else is found again",
        ShadowStack,
        "retrieve",
        lambda *_: bytearray(8),
        storage_4="word returned not 1234567890 but 0",
    ),
    lapse(
        "half of it is found again",
        ShadowStack,
        "retrieve",
        lambda *_: bytearray(4),
        storage_8="Retrieved size 4 is smaller than expected 8",
        storage_multiple="byte returned not 123 but 0",
    ),
    lapse(
        "the unwinder learns nothing",
        Returns,
        "ftrace_graph_ret_addr",
        lambda _self, ret, _retp: ret,
        graph_tail_call="ftrace_graph_ret_addr(): expected ksys_readv+0xb, got return_to_handler",
    ),
    lapse(
        "frame pointers are not compared",
        Returns,
        "_same_frame",
        always,
        "6.12",
        frame_pointer_test="another frame pointer at the return than at entry, and the function does not resume",
    ),
    lapse(
        "the graph tracer is refused nowhere",
        Graph,
        "register",
        nothing,
        "6.12-static",
        function_graph="no entries found",
    ),
]


@pytest.mark.parametrize("lapse", LAPSES, ids=lambda lapse: f"{' '.join(lapse.variant)}: {lapse.what}")
def test_who_notices_a_lapse(lapse: Lapse, monkeypatch: pytest.MonkeyPatch) -> None:
    arch = catalog.load(lapse.variant[0])
    (subject,) = load(arch, [arch.variant(lapse.variant[1])])
    monkeypatch.setattr(lapse.owner, lapse.name, lapse.instead)
    found = failures(subject, *lapse.says)
    assert found.keys() == lapse.says.keys()
    for name, text in lapse.says.items():
        assert text in found[name]


# -- all of them -------------------------------------------------------------------------------------------------------


def test_every_case_has_an_offender() -> None:
    says = [slip.says for slip in SLIPS] + [lapse.says for lapse in LAPSES]
    noticed = {name for said in says for name in said}
    assert noticed == {case.name for case in CASES}
