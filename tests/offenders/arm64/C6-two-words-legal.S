// SPDX-License-Identifier: GPL-2.0-only
// sp is 16 bytes lower at the call.
//
// Variant: 6.12
// Keeps: C6

        .set    OWN_CALL, 1

        .macro CALL
        ldr     x12, [x11, #FTRACE_OPS_func]
        mov     x3, sp
        sub     sp, sp, #16
        blr     x12
        add     sp, sp, #16
        .endm

        .include "tiny-6.S"
