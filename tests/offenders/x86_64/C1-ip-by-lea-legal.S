// SPDX-License-Identifier: GPL-2.0-only
// ip is made in another way.
//
// Variant: 6.12
// Keeps: C1

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS entry, pushed=0
LABEL \entry\()_op_ptr
        mov     function_trace_op(%rip), %rdx
        mov     AREA+\pushed(%rsp), %rax
        lea     -5(%rax), %rdi
        mov     AREA+8+\pushed(%rsp), %rsi
        mov     %rsp, %rcx
        .endm

        .include "tiny-6.S"
