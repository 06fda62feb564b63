// SPDX-License-Identifier: GPL-2.0-only
// The address of the word is found in two steps.
//
// Variant: 6.1-mcount
// Keeps: G2

        .set    OWN_GRAPH_ARGUMENTS, 1

        .macro GRAPH_ARGUMENTS
        ldp     x10, x0, [sp]
        ldr     x2, [x10]
        sub     x0, x0, #4
        add     x10, x10, #16
        sub     x1, x10, #8
        .endm

        .include "tiny-mcount.S"
