// SPDX-License-Identifier: GPL-2.0-only
// Bit 0, which a Thumb kernel would have, is taken off as well.
//
// Variant: 6.1
// Keeps: C1

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS return, parent
        ldr     r0, [sp, #\return]
        bic     r0, r0, #1
        sub     r0, r0, #4
        ldr     r1, [sp, #\parent]
        movw    r2, #:lower16:function_trace_op
        movt    r2, #:upper16:function_trace_op
        ldr     r2, [r2]
        .endm

        .include "tiny-6.S"
