// SPDX-License-Identifier: GPL-2.0-only
// A jump that is never taken: ops begin at a multiple of 8.
//
// Variant: 6.12
// Keeps: C0

        .set    OWN_CALL, 1

        .macro CALL
        ldr     x12, [x11, #FTRACE_OPS_func]
        tbnz    x11, #0, 1f
        blr     x12
1:
        .endm

        .include "tiny-6.S"
