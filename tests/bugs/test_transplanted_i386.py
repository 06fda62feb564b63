# SPDX-License-Identifier: GPL-2.0-only
"""Bugs of other architectures, and of x86_64, as slips in our i386 trampolines and sites.

Each: (where the idea is from, variants, the clause, what is wrong, file or "", (old, new)...).
"""

from __future__ import annotations

ARCH = "i386"
GRAPH_CALLER = "FUNC ftrace_graph_caller\n        push    %eax\n        push    %ecx\n        push    %edx\n"
DX = "        mov     PT_dx(%esp), %edx                       // edx = fregs->dx\n"

TRANSPLANTS = [
    # -- what is to survive -------------------------------------------------------------------------------------------
    (
        "X64",
        "6.12 6.12-fp",
        "T1",
        "the graph caller does not save the third argument",
        "",
        (GRAPH_CALLER, GRAPH_CALLER.replace("push    %ecx", "push    %eax")),
    ),
    (
        "X64",
        "3.7",
        "T4",
        "function_trace_stop is tested before flags are saved",
        "",
        ("        pushf                                           // first", "        test %esp, %esp; pushf //"),
    ),
    (
        "X64",
        "3.7",
        "T4",
        "flags are popped before the last addition",
        "",
        (
            "        add     $2*4, %esp                              // over orig_ax and ip\n        popf ",
            "        lea     2*4(%esp), %esp\n        popf\n        test    %esp, %esp //",
        ),
    ),
    (
        "CS-01",
        "6.12",
        "U3",
        "esp is raised before the last load",
        "",
        (
            "        lea     -8(%eax), %esp\n        pop     %eax ",
            "        lea     -4(%eax), %esp; mov -4(%esp), %eax //",
        ),
    ),
    # -- what a callback gets -----------------------------------------------------------------------------------------
    (
        "PPC-21",
        "3.6 3.7 6.12",
        "C1",
        "ip is one byte off",
        "",
        (".set    MCOUNT_INSN_SIZE, 5", ".set    MCOUNT_INSN_SIZE, 4"),
    ),
    (
        "X64",
        "6.12",
        "C3",
        "the address of function_trace_op is passed to plain callbacks",
        "",
        (
            "        mov     function_trace_op, %ecx                 // op = function_trace_op\n        sub ",
            "        lea     function_trace_op, %ecx\n        sub ",
        ),
    ),
    (
        "RV",
        "6.12",
        "C5",
        "regs->sp is what esp is by then",
        "",
        ("        addl    $5*4, (%esp) ", "        mov     %esp, (%esp) //"),
    ),
    # -- the graph tracer ---------------------------------------------------------------------------------------------
    ("X64", "6.12", "G3", "the second half of a return value is lost", "", (DX, "")),
    (
        "X64-13",
        "6.12",
        "G2",
        "the slot is that of the trampoline's own return address",
        "",
        ("        lea     4*4(%esp), %edx ", "        lea     3*4(%esp), %edx "),
    ),
    (
        "X64-28",
        "6.12 3.6",
        "N2",
        "the entry calls a traced function",
        "",
        ("FUNC ftrace_caller\n", "FUNC ftrace_caller\n        push %eax; call vfs_write; pop %eax\n"),
    ),
    # -- unwinding ----------------------------------------------------------------------------------------------------
    (
        "X64",
        "6.12-fp",
        "U1",
        "a stack trace lacks the parent",
        "",
        ("        push    4(%esp)                                 // the parent's", "        push    (%esp) //"),
    ),
    (
        "X64",
        "6.12-fp",
        "U1",
        "a frame pointer to a record is encoded as on x86_64",
        "",
        ("        and     $0x7fffffff, %ebp ", "        inc     %ebp //"),
    ),
]


def test_it_is_caught(bug, file, edits):
    bug.edit(*edits, file=file)
    bug.must_be_caught()
