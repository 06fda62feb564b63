// SPDX-License-Identifier: GPL-2.0-only
// The graph tracer is given the word that the trampoline itself returns through.
//
// Variant: 6.1-mcount
// Breaks: G2
// So also: T2

        .set    OWN_GRAPH_ARGUMENTS, 1

        .macro GRAPH_ARGUMENTS
        ldp     x10, x0, [sp]
        sub     x0, x0, #4
        add     x1, sp, #8
        ldr     x2, [x10]
        .endm

        .include "tiny-mcount.S"
