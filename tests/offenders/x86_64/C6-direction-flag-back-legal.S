// SPDX-License-Identifier: GPL-2.0-only
// The direction flag is set for a moment, and clear again where C is called.
//
// Variant: 6.12
// Keeps: C6

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS entry, pushed=0
LABEL \entry\()_op_ptr
        mov     function_trace_op(%rip), %rdx
        mov     PT_ip(%rsp), %rdi
        sub     $5, %rdi
        std
        mov     AREA+8+\pushed(%rsp), %rsi
        cld
        mov     %rsp, %rcx
        .endm

        .include "tiny-6.S"
