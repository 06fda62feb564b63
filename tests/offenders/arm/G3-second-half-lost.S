// SPDX-License-Identifier: GPL-2.0-only
// The second half of a return value of two words is not loaded back.
//
// Variant: 6.1
// Breaks: G3

        .set    OWN_EXIT, 1

        .macro EXIT
        push    {r0-r3}
        add     r0, sp, #16
        bl      ftrace_return_to_handler
        mov     lr, r0
        pop     {r0}
        add     sp, sp, #12
        bx      lr
        .endm

        .include "tiny-6.S"
