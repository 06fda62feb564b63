// SPDX-License-Identifier: GPL-2.0-only
// parent_ip is the address in the function that the trampoline returns to.
//
// Variant: 6.1
// Breaks: C2

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS return, parent
        ldr     r0, [sp, #\return]
        sub     r0, r0, #4
        ldr     r1, [sp, #\return]
        movw    r2, #:lower16:function_trace_op
        movt    r2, #:upper16:function_trace_op
        ldr     r2, [r2]
        .endm

        .include "tiny-6.S"
