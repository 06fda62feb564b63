// SPDX-License-Identifier: GPL-2.0-only
// op makes a detour.
//
// Variant: 6.12
// Keeps: C3

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS entry, pushed=0
LABEL \entry\()_op_ptr
        mov     function_trace_op(%rip), %rdx
        mov     PT_ip(%rsp), %rdi
        sub     $5, %rdi
        mov     %rdx, %rax
        mov     AREA+8+\pushed(%rsp), %rsi
        mov     %rax, %rdx
        mov     %rsp, %rcx
        .endm

        .include "tiny-6.S"
