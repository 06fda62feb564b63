# SPDX-License-Identifier: GPL-2.0-only
"""Bugs of other architectures, and of x86_64 at other times, as slips in our x86_64 trampolines.

Each: (where the idea is from, variants, the clause, what is wrong, file or "", (old, new)...).
"""

from __future__ import annotations

ARCH = "x86_64"
HANDLER_3 = "return_to_handler-3.6.S"
V6 = "ftrace-6.12.S"
FREGS = "        mov     %rsp, %rcx                              // fregs\n"
ROOM = "        .endif\n        sub     $PT_SIZE, %rsp\n"
STOP = "FUNC ftrace_caller\n        cmpl    $0, function_trace_stop(%rip) "
KEPT_AX = "        mov     %rax, PT_ax(%rsp)                       // fregs->ax = rax\n"
KEPT_DX = "        mov     %rdx, PT_dx(%rsp)                       // fregs->dx = rdx\n"
KEPT_BP = "        mov     %rbp, PT_bp(%rsp)                       // fregs->bp = rbp\n"
BACK_DX = "        mov     PT_dx(%rsp), %rdx                       // rdx = fregs->dx\n"
BACK_AX = "        mov     PT_ax(%rsp), %rax                       // rax = fregs->ax\n"

TRANSPLANTS = [
    # -- what is to survive -------------------------------------------------------------------------------------------
    ("MIPS-07", "3.6", "T1", "rax is not given back", "", ("        mov     SAVED_ax(%rsp), %rax\n", "")),
    ("MIPS-07", "6.1-static", "T1", "r9 is not given back", "", ("        mov     PT_r9(%rsp), %r9\n", "")),
    ("MIPS-05", "6.12", "T1", "r10 is not given back", "", ("        mov     PT_r10(%rsp), %r10 ", "        // ")),
    (
        "MIPS-05",
        "3.7",
        "T1",
        "r12 and r13 come back from each other's slots",
        "",
        (
            "        mov     PT_r13(%rsp), %r13\n        mov     PT_r12(%rsp), %r12\n",
            "        mov     PT_r13(%rsp), %r12\n        mov     PT_r12(%rsp), %r13\n",
        ),
    ),
    (
        "MIPS-03",
        "3.6 3.7",
        "T1",
        "rax is lost behind the graph tracer alone",
        "",
        (
            "prepare_ftrace_return\n        RESTORE\n",
            "prepare_ftrace_return\n        RESTORE\n        mov %rsp, %rax\n",
        ),
    ),
    (
        "X64",
        "6.12 6.12-fp",
        "T4",
        "flags change once more behind popfq",
        "",
        (
            "        RESTORE\n        popfq                                           // flags\n",
            "        RESTORE\n        popfq\n        cmp %rsp, %rax\n",
        ),
    ),
    (
        "PPC-10",
        "3.6",
        "T5",
        "a register is spilled into the parent's frame",
        "",
        ("LABEL ftrace_call\n", "        mov %rdi, 24(%rbp)\nLABEL ftrace_call\n"),
    ),
    (
        "SP-01",
        "6.12",
        "T2",
        "the frame is smaller than what is stored into it",
        "",
        (ROOM, ROOM.replace("$PT_SIZE,", "$PT_SIZE-24,")),
        ("        .else\n        .set    AREA, PT_SIZE\n", "        .else\n        .set    AREA, PT_SIZE-24\n"),
    ),
    (
        "RV-09",
        "6.12 6.12-fp",
        "U3",
        "the last register is loaded from below sp",
        "",
        (
            "        mov     PT_bp(%rsp), %rbp\n        add     $AREA-\\keep, %rsp\n",
            "        add     $AREA-\\keep, %rsp\n        mov     PT_bp-AREA+\\keep(%rsp), %rbp\n",
        ),
    ),
    (
        "PPC-20",
        "6.12 3.7",
        "T1",
        "the entry before boot spends rax",
        "",
        ("FUNC __fentry__\n", "FUNC __fentry__\nmov %rsp, %rax\n"),
    ),
    # -- stopped ------------------------------------------------------------------------------------------------------
    (
        "MIPS-03",
        "3.7",
        "N1",
        "the stopped way out leaves the flags on the stack",
        "",
        ("jne     1f    ", "jne ftrace_stub //"),
    ),
    (
        "PPC-03",
        "3.7",
        "N1",
        "the stopped way out gives the stack back, but not the flags' bits",
        "",
        ("1:      popfq     ", "1:      add     $16, %rsp // "),
    ),
    (
        "X64",
        "3.6 3.7",
        "C0",
        "the test of function_trace_stop is eight bytes wide",
        "",
        (STOP, STOP.replace("cmpl", "cmpq")),
    ),
    (
        "X64",
        "3.6-static",
        "N1",
        "static mcount does not test function_trace_stop",
        "",
        (
            "        jne     ftrace_stub                             //      return\n        cmpq ",
            "        cmpq ",
        ),
    ),
    # -- what a callback gets -----------------------------------------------------------------------------------------
    ("PPC-21", "3.6", "C0", "ip is one byte off", "", (".set    MCOUNT_INSN_SIZE, 5", ".set    MCOUNT_INSN_SIZE, 4")),
    (
        "PPC-21",
        "6.1-static",
        "C1",
        "ip is one byte off",
        "",
        (".set    MCOUNT_INSN_SIZE, 5", ".set    MCOUNT_INSN_SIZE, 4"),
    ),
    (
        "PPC-21",
        "6.12",
        "C1",
        "ip is the return address",
        "",
        ("        sub     $MCOUNT_INSN_SIZE, %rdi   ", "        // "),
    ),
    (
        "BF-01",
        "3.6",
        "C1",
        "ip and parent_ip change places",
        "",
        ("// parent_ip\nLABEL ftrace_call", "\n        xchg    %rdi, %rsi\nLABEL ftrace_call"),
    ),
    (
        "PA-01",
        "6.12-fp",
        "C2",
        "parent_ip is looked up by a frame pointer that is the caller's still",
        "",
        ("        mov     (%rdx), %rsi ", "        mov     PT_bp(%rsp), %rsi\n        mov     8(%rdx), %rsi // "),
    ),
    (
        "RV-12",
        "6.12",
        "C4",
        "the mark of a partial record is left from earlier",
        "",
        ("        movq    $0, PT_cs(%rsp) ", "        // "),
    ),
    ("PPC-22", "6.12", "C5", "ss is not written", "", ("        movq    $__KERNEL_DS, PT_ss(%rsp) ", "        // ")),
    ("PPC-22", "6.12", "C5", "orig_ax is not zeroed", "", ("        movq    $0, PT_orig_ax(%rsp) ", "        // ")),
    (
        "PPC-05",
        "6.12",
        "C5",
        "sp is not stored, and the graph tracer looks for it",
        "",
        ("        mov     %rdx, PT_sp(%rsp) ", "        // "),
    ),
    ("ARM", "6.12 6.12-fp", "C6", "C is called with the direction flag set", "", (FREGS, FREGS + "        std\n")),
    (
        "ARM",
        "3.6",
        "C6",
        "C is called with interrupts off",
        "",
        ("LABEL ftrace_call\n", "        cli\nLABEL ftrace_call\n"),
    ),
    (
        "S390-01",
        "6.12-fp",
        "U1",
        "one of the two frames is left out of the chain",
        "",
        ("                                    //      next frame *rbp\n        mov     %rsp, %rbp\n", "\n"),
    ),
    (
        "S390-01",
        "6.12-fp",
        "U1",
        "the encoded frame pointer lacks its bit",
        "",
        ("        lea     1(%rsp), %rbp ", "        lea     (%rsp), %rbp "),
    ),
    # -- what a callback asks for -------------------------------------------------------------------------------------
    (
        "RV-05",
        "6.12",
        "W1",
        "the way out with all registers keeps rip",
        "",
        ("        mov     %rax, AREA+8(%rsp)\n", ""),
    ),
    (
        "CS-01",
        "6.12",
        "W1",
        "the plain way out keeps rip",
        "",
        ("        mov     %rax, AREA(%rsp)\n        RESTORE\nLABEL", "        RESTORE\nLABEL"),
    ),
    (
        "CS-02",
        "6.12",
        "W2",
        "flags come back as they were pushed",
        "",
        (
            "        mov     PT_flags(%rsp), %rax                    // flags",
            "        mov     AREA(%rsp), %rax // flags",
        ),
    ),
    (
        "X64",
        "6.12",
        "W2",
        "the direct call's address lies one word too high",
        "",
        ("AREA(%rsp)                        // the word", "AREA+8(%rsp) // "),
    ),
    (
        "X64",
        "6.1 6.12",
        "W2",
        "the direct way out gives up one word too many",
        V6,
        ("        RESTORE keep=8\n", "        RESTORE\n"),
    ),
    (
        "X64",
        "6.12",
        "H2",
        "a direct call is gone to by a return without a call",
        "",
        ("        .ifndef AS_IN_6_1\n        call    2f ", "        .if 0\n        call    2f "),
    ),
    (
        "MIPS-07",
        "6.12",
        "T1",
        "a direct trampoline forgets rdx",
        "direct.S",
        (".irp    register, rdi, rsi, rdx,", ".irp    register, rdi, rsi, r10,"),
    ),
    # -- landing pads -------------------------------------------------------------------------------------------------
    (
        "A64-15",
        "6.12-ibt",
        "H1",
        "an entry begins without its pad",
        "",
        (
            "FUNC ftrace_regs_caller\n",
            ".balign 16\n.globl ftrace_regs_caller\n.type ftrace_regs_caller, @function\nftrace_regs_caller:\n",
        ),
    ),
    (
        "A64-15",
        "6.12-ibt",
        "H1",
        "the stub begins without its pad",
        "",
        ("FUNC ftrace_stub\n", ".balign 16\n.globl ftrace_stub\n.type ftrace_stub, @function\nftrace_stub:\n"),
    ),
    # -- the graph tracer ---------------------------------------------------------------------------------------------
    (
        "SH",
        "3.7",
        "G1",
        "the way with all registers does not pass ftrace_graph_call",
        "",
        ("// flags\n        jmp     ftrace_graph_call", "// flags\n        ret"),
    ),
    (
        "BF-01",
        "3.6",
        "G2",
        "the hook goes into the slot of the frame pointer",
        "",
        ("        lea     8(%rbp), \\to ", "        lea     (%rbp), \\to "),
    ),
    (
        "CS",
        "3.6 3.7",
        "G2",
        "the graph tracer gets the return address for the site's",
        "",
        ("        IP      to=%rsi  ", "        IP      to=%rsi\n        add     $MCOUNT_INSN_SIZE, %rsi // "),
    ),
    (
        "RV-01",
        "3.6 3.7-mcount",
        "G3",
        "rdx is not given back",
        HANDLER_3,
        ("        mov     RETURN_dx(%rsp), %rdx\n", ""),
    ),
    (
        "X64",
        "3.7",
        "G3",
        "half of rax is kept",
        HANDLER_3,
        ("        mov     %rax, RETURN_ax(%rsp)", "        mov     %eax, %eax\n        mov     %rax, RETURN_ax(%rsp)"),
    ),
    (
        "MIPS-03",
        "3.6 3.7 3.7-static",
        "G4",
        "the frame is given up by another size",
        HANDLER_3,
        ("        add     $RETURN_SIZE, %rsp", "        add     $16, %rsp"),
    ),
    (
        "RV-01",
        "6.12",
        "G4",
        "the record has ax and dx in each other's slots",
        "",
        (KEPT_AX + KEPT_DX, KEPT_AX.replace("PT_ax", "PT_dx") + KEPT_DX.replace("PT_dx", "PT_ax")),
        (BACK_DX, BACK_DX.replace("%rdx", "%rax")),
        (BACK_AX, BACK_AX.replace("%rax", "%rdx")),
    ),
    ("RV-12", "6.12 6.12-fp", "G4", "the record lacks the frame pointer", "", (KEPT_DX + KEPT_BP, KEPT_DX)),
    (
        "CS-02",
        "6.12",
        "G4",
        "rbx is spent",
        "",
        (
            "own return address\n        mov     PT_dx",
            "own return address\n        mov %rax, %rbx\n        mov     PT_dx",
        ),
    ),
    (
        "X64",
        "6.12",
        "H2",
        "the parent is gone to by push and ret",
        "",
        ("        call    3f  ", "        push    %rdi\n        ret // "),
    ),
]


def test_it_is_caught(bug, file, edits):
    bug.edit(*edits, file=file)
    bug.must_be_caught()
