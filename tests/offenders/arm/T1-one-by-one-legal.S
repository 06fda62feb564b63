// SPDX-License-Identifier: GPL-2.0-only
// The arguments are loaded one by one.
//
// Variant: 6.1
// Keeps: T1

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     r3, [sp, #12]
        ldr     r2, [sp, #8]
        pop     {r0-r1}
        add     sp, sp, #8
        pop     {ip, lr}
        bx      ip
        .endm

        .include "tiny-6.S"
