// SPDX-License-Identifier: GPL-2.0-only
// The callback is passed by where the first argument has its lowest bit set.
//
// Variant: 6.12
// Breaks: C0
// So also: G1, T2, W2

        .set    OWN_CALL, 1

        .macro CALL
        ldr     x12, [x11, #FTRACE_OPS_func]
        ldr     x10, [sp, #FREGS_x0]
        tbnz    x10, #0, 1f
        blr     x12
1:
        .endm

        .include "tiny-6.S"
