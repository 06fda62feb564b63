// SPDX-License-Identifier: GPL-2.0-only
// Of a value of 16 bytes the second half is lost.
//
// Variant: 6.12
// Breaks: G3

        .set    OWN_EXIT, 1

        .macro EXIT
        sub     sp, sp, #FREGS_SIZE
        stp     x0, x1, [sp, #FREGS_x0]
        stp     x2, x3, [sp, #FREGS_x2]
        stp     x4, x5, [sp, #FREGS_x4]
        stp     x6, x7, [sp, #FREGS_x6]
        str     x29, [sp, #FREGS_fp]
        mov     x0, sp
        bl      ftrace_return_to_handler
        mov     x30, x0
        ldr     x0, [sp, #FREGS_x0]
        ldp     x2, x3, [sp, #FREGS_x2]
        ldp     x4, x5, [sp, #FREGS_x4]
        ldp     x6, x7, [sp, #FREGS_x6]
        add     sp, sp, #FREGS_SIZE
        ret
        .endm

        .include "tiny-6.S"
