// SPDX-License-Identifier: GPL-2.0-only
// r2 and r3 are loaded from each other's slots.
//
// Variant: 6.1
// Breaks: T1
// So also: G3

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     r2, [sp, #12]
        ldr     r3, [sp, #8]
        pop     {r0-r1}
        add     sp, sp, #8
        pop     {ip, lr}
        bx      ip
        .endm

        .include "tiny-6.S"
