// SPDX-License-Identifier: GPL-2.0-only
// The return value is loaded back by halves.
//
// Variant: 6.1
// Keeps: G3

        .set    OWN_EXIT, 1

        .macro EXIT
        push    {r0-r3}
        add     r0, sp, #16
        bl      ftrace_return_to_handler
        mov     lr, r0
        ldr     r1, [sp, #4]
        ldr     r0, [sp], #16
        bx      lr
        .endm

        .include "tiny-6.S"
