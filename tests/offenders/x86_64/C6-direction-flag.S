// SPDX-License-Identifier: GPL-2.0-only
// C functions are called with the direction flag set.
//
// Variant: 6.12
// Breaks: C6

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS entry, pushed=0
LABEL \entry\()_op_ptr
        mov     function_trace_op(%rip), %rdx
        mov     PT_ip(%rsp), %rdi
        sub     $5, %rdi
        mov     AREA+8+\pushed(%rsp), %rsi
        std
        mov     %rsp, %rcx
        .endm

        .set    OWN_LEAVE, 1

        .macro LEAVE
        cld
        lea     AREA(%rsp), %rsp
        .endm

        .include "tiny-6.S"
