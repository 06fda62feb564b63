// SPDX-License-Identifier: GPL-2.0-only
// parent_ip is the address in the function that the trampoline returns to.
//
// Variant: 6.12
// Breaks: C2

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS entry, pushed=0
LABEL \entry\()_op_ptr
        mov     function_trace_op(%rip), %rdx
        mov     PT_ip(%rsp), %rdi
        sub     $5, %rdi
        mov     AREA+\pushed(%rsp), %rsi
        mov     %rsp, %rcx
        .endm

        .include "tiny-6.S"
