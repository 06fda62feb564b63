// SPDX-License-Identifier: GPL-2.0-only
// op is the address of function_trace_op instead of what it holds.
//
// Variant: 6.12
// Breaks: C3

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS at
        mov     \at(%esp), %eax
        sub     $5, %eax
        mov     \at+4(%esp), %edx
        lea     function_trace_op, %ecx
        .endm

        .include "tiny-6.S"
