// SPDX-License-Identifier: GPL-2.0-only
// lr is loaded first.
//
// Variant: 6.1
// Keeps: T3

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     lr, [sp, #20]
        ldr     ip, [sp, #16]
        pop     {r0-r3}
        add     sp, sp, #8
        bx      ip
        .endm

        .include "tiny-6.S"
