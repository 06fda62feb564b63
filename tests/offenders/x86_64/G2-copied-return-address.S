// SPDX-License-Identifier: GPL-2.0-only
// prepare_ftrace_return() gets the address of a copy of the return address.
//
// Variant: 3.6
// Breaks: G2
// So also: T1, T3

        .set    OWN_GRAPH_ARGUMENTS, 1

        .macro GRAPH_ARGUMENTS
        mov     8(%rbp), %rax
        mov     %rax, (%rsp)                            // rax, which mcount need not keep here
        mov     %rsp, %rdi
        mov     56(%rsp), %rsi
        sub     $5, %rsi
        mov     (%rbp), %rdx
        .endm

        .include "tiny-3.S"
