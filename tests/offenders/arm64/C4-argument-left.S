// SPDX-License-Identifier: GPL-2.0-only
// The fourth argument is the traced function's own.
//
// Variant: 6.12
// Breaks: C4
// So also: C0, T2, W2

        .set    OWN_RECORD, 1

        .macro RECORD
        ldr     x3, [sp, #FREGS_x3]
        .endm

        .include "tiny-6.S"
