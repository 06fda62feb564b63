// SPDX-License-Identifier: GPL-2.0-only
// sp is 8 bytes off at the call.
//
// Variant: 6.12
// Breaks: C6

        .set    OWN_CALL, 1

        .macro CALL
        ldr     x12, [x11, #FTRACE_OPS_func]
        mov     x3, sp
        sub     sp, sp, #8
        blr     x12
        add     sp, sp, #8
        .endm

        .include "tiny-6.S"
