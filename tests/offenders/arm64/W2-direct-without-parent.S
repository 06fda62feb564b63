// SPDX-License-Identifier: GPL-2.0-only
// A direct trampoline does not find the parent's address in x9.
//
// Variant: 6.12
// Breaks: W2
// So also: G2, T3

        .set    OWN_DIRECT, 1

        .macro DIRECT
        ldr     x30, [sp, #FREGS_pc]
        add     sp, sp, #FREGS_SIZE + 32
        br      x17
        .endm

        .include "tiny-6.S"
