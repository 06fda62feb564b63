// SPDX-License-Identifier: GPL-2.0-only
// op makes a detour.
//
// Variant: 6.1
// Keeps: C3

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS return, parent
        ldr     r0, [sp, #\return]
        sub     r0, r0, #4
        ldr     r1, [sp, #\parent]
        movw    r2, #:lower16:function_trace_op
        movt    r2, #:upper16:function_trace_op
        ldr     ip, [r2]
        mov     r2, ip
        .endm

        .include "tiny-6.S"
