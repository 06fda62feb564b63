// SPDX-License-Identifier: GPL-2.0-only
// op makes a detour.
//
// Variant: 6.12
// Keeps: C3

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS at
        mov     function_trace_op, %edx
        mov     %edx, %ecx
        mov     \at(%esp), %eax
        sub     $5, %eax
        mov     \at+4(%esp), %edx
        .endm

        .include "tiny-6.S"
