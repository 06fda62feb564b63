// SPDX-License-Identifier: GPL-2.0-only
// The branch to the graph caller is jumped over.
//
// Variant: 6.1-mcount
// Breaks: G1

        .set    OWN_BEHIND, 1

        .macro BEHIND
        b       1f
LABEL ftrace_graph_call
        nop
1:
        .endm

        .include "tiny-mcount.S"
