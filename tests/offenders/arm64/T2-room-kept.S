// SPDX-License-Identifier: GPL-2.0-only
// Sixteen bytes are not given back.
//
// Variant: 6.12
// Breaks: T2
// So also: G4, W1

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     x30, [sp, #FREGS_lr]
        ldr     x12, [sp, #FREGS_pc]
        add     sp, sp, #FREGS_SIZE + 16
        ret     x12
        .endm

        .include "tiny-6.S"
