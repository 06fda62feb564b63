// SPDX-License-Identifier: GPL-2.0-only
// parent_ip is read from the frame that was made for the function.
//
// Variant: 6.12
// Keeps: C2

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS
        sub     x0, x30, #4
        ldr     x1, [sp, #FREGS_SIZE + 24]
        mov     x2, x11
        .endm

        .include "tiny-6.S"
