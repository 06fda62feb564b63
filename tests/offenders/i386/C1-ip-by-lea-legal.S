// SPDX-License-Identifier: GPL-2.0-only
// ip is made in another way.
//
// Variant: 6.12
// Keeps: C1

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS at
        mov     \at(%esp), %edx
        lea     -5(%edx), %eax
        mov     \at+4(%esp), %edx
        mov     function_trace_op, %ecx
        .endm

        .include "tiny-6.S"
