// SPDX-License-Identifier: GPL-2.0-only
// The word that the site has pushed goes last.
//
// Variant: 6.1
// Keeps: T2

        .set    OWN_LEAVE, 1

        .macro LEAVE
        pop     {r0-r3, ip}
        ldr     lr, [sp]
        add     sp, sp, #4
        bx      ip
        .endm

        .include "tiny-6.S"
