// SPDX-License-Identifier: GPL-2.0-only
// ip is the address behind the site's call, not the record's.
//
// Variant: 6.12
// Breaks: C1
// So also: C0, G2, T2, W2

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS entry, pushed=0
LABEL \entry\()_op_ptr
        mov     function_trace_op(%rip), %rdx
        mov     PT_ip(%rsp), %rdi
        mov     AREA+8+\pushed(%rsp), %rsi
        mov     %rsp, %rcx
        .endm

        .include "tiny-6.S"
