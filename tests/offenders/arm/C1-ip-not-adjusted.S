// SPDX-License-Identifier: GPL-2.0-only
// ip is the address behind the site's call, not the record's.
//
// Variant: 6.1
// Breaks: C1
// So also: C0

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS return, parent
        ldr     r0, [sp, #\return]
        ldr     r1, [sp, #\parent]
        movw    r2, #:lower16:function_trace_op
        movt    r2, #:upper16:function_trace_op
        ldr     r2, [r2]
        .endm

        .include "tiny-6.S"
