// SPDX-License-Identifier: GPL-2.0-only
// r3 is loaded when its frame has been given up already.
//
// Variant: 6.1
// Breaks: U3

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     ip, [sp, #16]
        pop     {r0-r2}
        add     sp, sp, #8
        ldr     r3, [sp, #-8]
        pop     {lr}
        bx      ip
        .endm

        .include "tiny-6.S"
