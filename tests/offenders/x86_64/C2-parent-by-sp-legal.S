// SPDX-License-Identifier: GPL-2.0-only
// parent_ip is found by way of fregs->sp.
//
// Variant: 6.12
// Keeps: C2

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS entry, pushed=0
LABEL \entry\()_op_ptr
        mov     function_trace_op(%rip), %rdx
        mov     PT_ip(%rsp), %rdi
        sub     $5, %rdi
        mov     PT_sp(%rsp), %rax
        mov     (%rax), %rsi
        mov     %rsp, %rcx
        .endm

        .include "tiny-6.S"
