// SPDX-License-Identifier: GPL-2.0-only
// op is the address of function_trace_op instead of what it holds, in copies too.
//
// Variant: 6.12
// Breaks: C3

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS entry, pushed=0
LABEL \entry\()_op_ptr
        mov     function_trace_op(%rip), %rdx
        mov     PT_ip(%rsp), %rdi
        sub     $5, %rdi
        mov     AREA+8+\pushed(%rsp), %rsi
        lea     function_trace_op(%rip), %rdx
        mov     %rsp, %rcx
        .endm

        .include "tiny-6.S"
