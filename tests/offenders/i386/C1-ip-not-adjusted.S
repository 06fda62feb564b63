// SPDX-License-Identifier: GPL-2.0-only
// ip is the address behind the site's call, not the record's.
//
// Variant: 6.12
// Breaks: C1
// So also: C0

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS at
        mov     \at(%esp), %eax
        mov     \at+4(%esp), %edx
        mov     function_trace_op, %ecx
        .endm

        .include "tiny-6.S"
