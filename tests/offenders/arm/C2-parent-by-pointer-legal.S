// SPDX-License-Identifier: GPL-2.0-only
// parent_ip is found by way of a pointer.
//
// Variant: 6.1
// Keeps: C2

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS return, parent
        ldr     r0, [sp, #\return]
        sub     r0, r0, #4
        add     r1, sp, #\parent
        ldr     r1, [r1]
        movw    r2, #:lower16:function_trace_op
        movt    r2, #:upper16:function_trace_op
        ldr     r2, [r2]
        .endm

        .include "tiny-6.S"
