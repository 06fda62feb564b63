// SPDX-License-Identifier: GPL-2.0-only
// parent_ip is the address in the function that the trampoline returns to.
//
// Variant: 6.12
// Breaks: C2

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS at
        mov     \at(%esp), %eax
        sub     $5, %eax
        mov     \at(%esp), %edx
        mov     function_trace_op, %ecx
        .endm

        .include "tiny-6.S"
