# SPDX-License-Identifier: GPL-2.0-only
"""Bugs of other architectures, and of arm at other times, as slips in our arm trampolines and sites.

Each: (where the idea is from, variants, the clause, what is wrong, file or "", (old, new)...).
"""

from __future__ import annotations

ARCH = "arm"
KEPT = "        push    {lr}\n1:      bl      __gnu_mcount_nc\n"
ADDRESS = "        bic     \\rd, \\rn, #1\n        sub     \\rd, \\rd, #MCOUNT_INSN_SIZE\n"
BACK = "        mov     lr, r0                          // lr = the return address that was replaced\n"
POP, PARENT = "        pop     {r0-r3}\n", "        ldr     lr, [sp, #FRAME_parent"
LOAD = "        LOAD_VARIABLE r2, function_trace_op     // op = function_trace_op\n"

TRANSPLANTS = [
    # -- what is to survive -------------------------------------------------------------------------------------------
    (
        "ARM",
        "6.1 6.1-static",
        "T1",
        "r2 and r3 come back from each other's slots",
        "",
        (POP + PARENT, "        pop     {r0, r1}\n        pop     {r3}\n        pop     {r2}\n" + PARENT),
    ),
    (
        "ARM",
        "6.1",
        "T3",
        "lr is loaded from the slot of pc",
        "",
        ("        ldr     lr, [sp, #PT_lr - PT_sp] ", "        ldr     lr, [sp, #PT_pc - PT_sp] "),
    ),
    ("LA-03", "6.1", "T3", "the site does not push lr before its call", "kernel.S", (KEPT, KEPT.partition("\n")[2])),
    (
        "RV-09",
        "6.1",
        "U3",
        "the site parks lr below sp",
        "kernel.S",
        (KEPT, KEPT.replace("push    {lr}", "str lr, [sp, #-4]\n        sub sp, sp, #4")),
    ),
    (
        "CS-01",
        "6.1 6.12",
        "U3",
        "sp is raised before the last load",
        "",
        ("add     sp, sp, #PT_pc -", "add     sp, sp, #PT_SIZE -"),
        ("ldr     pc, [sp], #PT_SIZE - PT_pc ", "ldr     pc, [sp, #PT_pc - PT_SIZE] "),
    ),
    (
        "MIPS-03",
        "6.1",
        "T2",
        "the entry before boot leaves the site's word",
        "",
        ("        ldr     pc, [sp], #8 ", "        ldr     pc, [sp], #4 "),
    ),
    # -- what a callback gets -----------------------------------------------------------------------------------------
    (
        "SH-02",
        "3.6 3.7",
        "C0",
        "bit 0 of ip is set where the list function compares it",
        "",
        (ADDRESS, "        sub     \\rd, \\rn, #MCOUNT_INSN_SIZE - 1\n"),
    ),
    (
        "PPC-21",
        "6.1",
        "C1",
        "ip is one instruction off",
        "",
        (".set    MCOUNT_INSN_SIZE, 4", ".set    MCOUNT_INSN_SIZE, 8"),
    ),
    (
        "X64",
        "6.1",
        "C3",
        "op is the address of function_trace_op",
        "",
        (LOAD + "        mov     r3, sp", "        ldr     r2, =function_trace_op\n        mov     r3, sp"),
    ),
    (
        "RV",
        "6.1",
        "C5",
        "regs->sp does not count the site's push",
        "",
        ("add     lr, sp, #PT_SIZE - PT_lr ", "add     lr, sp, #PT_SIZE - PT_lr - 4 "),
    ),
    (
        "ARM",
        "6.1",
        "C5",
        "regs->lr is the site's own return address",
        "",
        (
            "        str     lr, [sp, #PT_lr - PT_pc]!  ",
            "        ldr     lr, [sp]\n        str     lr, [sp, #PT_lr - PT_pc]! // ",
        ),
    ),
    (
        "PPC-22",
        "6.1",
        "C5",
        "ORIG_r0 is not written",
        "",
        ("        str     r0, [sp, #PT_ORIG_r0 - PT_pc]  ", "        // "),
    ),
    (
        "ARM",
        "6.1",
        "C6",
        "sp is 4 modulo 8 at the call",
        "",
        ("LABEL ftrace_call\n", "        sub     sp, sp, #4\nLABEL ftrace_call\n"),
        ("LABEL ftrace_graph_call\n", "        add     sp, sp, #4\nLABEL ftrace_graph_call\n"),
    ),
    (
        "ARM",
        "6.1",
        "C6",
        "sp is 4 modulo 8 in return_to_handler",
        "",
        (
            "        push    {r0-r3}\n        add     r0, sp, #RETURN_SIZE ",
            "        push    {r0-r2}\n        add     r0, sp, #12 ",
        ),
        ("        pop     {r0-r3}\n        bx      lr", "        pop     {r0-r2}\n        bx      lr"),
    ),
    # -- what a callback asks for -------------------------------------------------------------------------------------
    (
        "RV-05",
        "6.1",
        "W1",
        "the way out goes to the address that was saved first",
        "",
        (
            "        mov     r3, sp                          // regs = sp\n",
            "        mov     r3, sp\n        ldr     r4, [sp, #PT_pc]\n",
        ),
        ("LABEL ftrace_graph_regs_call\n", "        str     r4, [sp, #PT_pc]\nLABEL ftrace_graph_regs_call\n"),
    ),
    # -- the graph tracer ---------------------------------------------------------------------------------------------
    (
        "SH",
        "6.1",
        "G1",
        "the graph caller behind all registers turns back at once",
        "",
        ("FUNC ftrace_graph_regs_caller\n", "FUNC ftrace_graph_regs_caller\n        LEAVE_REGS\n"),
    ),
    (
        "MB",
        "6.1",
        "G2",
        "the graph tracer gets the return address for the site's",
        "",
        ("        ldr     r1, [sp, #PT_pc]\n        SITE_ADDRESS r1, r1 ", "        ldr     r1, [sp, #PT_pc] // "),
    ),
    (
        "SP-04",
        "6.1 6.12",
        "G2",
        "the unwinder is started from the wrong stack pointer",
        "",
        ("        add     r3, sp, #PT_SIZE                // stack_pointer", "        mov     r3, sp // "),
    ),
    (
        "RV-01",
        "3.6 6.1 6.12",
        "G3",
        "r1 is not given back",
        "",
        (BACK + "        pop     {r0-r3}\n", BACK + "        ldr     r0, [sp], #16\n"),
    ),
    (
        "MIPS-03",
        "6.1",
        "G4",
        "one word too many is popped",
        "",
        (BACK + "        pop     {r0-r3}\n", BACK + "        pop     {r0-r3, ip}\n"),
    ),
    ("CS-02", "6.1", "G4", "r4 is spent", "", (BACK, BACK + "        mov     r4, r0\n")),
    (
        "MIPS",
        "3.6-static",
        "G1",
        "one of the graph tracer's two variables is not compared",
        "",
        ("bne     ftrace_graph_caller             // if (ftrace_graph_return", "nop     // if (ftrace_graph_return"),
    ),
    (
        "MIPS",
        "3.6-static",
        "C0",
        "the comparison with the stub is turned round",
        "",
        ("        bne     .Ltrace ", "        beq     .Ltrace "),
    ),
]


def test_it_is_caught(bug, file, edits):
    bug.edit(*edits, file=file)
    bug.must_be_caught()
