// SPDX-License-Identifier: GPL-2.0-only
// The function called on the way is one without a site.
//
// Variant: 6.1
// Keeps: N2

        .set    OWN_RECORD, 1

        .macro RECORD
        bl      ftrace_stub_graph
        mov     r3, #0
        .endm

        .include "tiny-6.S"
