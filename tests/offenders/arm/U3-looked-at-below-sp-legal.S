// SPDX-License-Identifier: GPL-2.0-only
// Something is loaded from below sp, and not used.
//
// Variant: 6.1
// Keeps: U3

        .set    OWN_LEAVE, 1

        .macro LEAVE
        pop     {r0-r3}
        ldr     ip, [sp, #-4]
        pop     {ip, lr}
        bx      ip
        .endm

        .include "tiny-6.S"
