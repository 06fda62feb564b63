// SPDX-License-Identifier: GPL-2.0-only
// The address of the return address is made in another way.
//
// Variant: 3.6
// Keeps: G2

        .set    OWN_GRAPH_ARGUMENTS, 1

        .macro GRAPH_ARGUMENTS
        mov     %rbp, %rdi
        add     $8, %rdi
        mov     56(%rsp), %rsi
        sub     $5, %rsi
        mov     (%rbp), %rdx
        .endm

        .include "tiny-3.S"
