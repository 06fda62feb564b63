// SPDX-License-Identifier: GPL-2.0-only
// op is the address of function_trace_op instead of what it holds.
//
// Variant: 6.1
// Breaks: C3

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS return, parent
        ldr     r0, [sp, #\return]
        sub     r0, r0, #4
        ldr     r1, [sp, #\parent]
        movw    r2, #:lower16:function_trace_op
        movt    r2, #:upper16:function_trace_op
        .endm

        .include "tiny-6.S"
