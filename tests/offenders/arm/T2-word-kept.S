// SPDX-License-Identifier: GPL-2.0-only
// The word that the site has pushed stays on the stack.
//
// Variant: 6.1
// Breaks: T2
// So also: C6

        .set    OWN_LEAVE, 1

        .macro LEAVE
        pop     {r0-r3, ip}
        ldr     lr, [sp]
        bx      ip
        .endm

        .include "tiny-6.S"
