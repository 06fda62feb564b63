// SPDX-License-Identifier: GPL-2.0-only
// parent_ip is found by way of its address.
//
// Variant: 6.12
// Keeps: C2

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS at
        mov     \at(%esp), %eax
        sub     $5, %eax
        lea     \at+4(%esp), %edx
        mov     (%edx), %edx
        mov     function_trace_op, %ecx
        .endm

        .include "tiny-6.S"
