// SPDX-License-Identifier: GPL-2.0-only
// lr is the address to return to, not the parent's.
//
// Variant: 6.12
// Breaks: T3
// So also: G2, G4, W1, W2

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     x30, [sp, #FREGS_pc]
        add     sp, sp, #FREGS_SIZE + 32
        ret
        .endm

        .include "tiny-6.S"
