// SPDX-License-Identifier: GPL-2.0-only
// The branch to the graph caller is come to by a jump.
//
// Variant: 6.1-mcount
// Keeps: G1

        .set    OWN_BEHIND, 1

        .macro BEHIND
        b       ftrace_graph_call
        udf     #0
LABEL ftrace_graph_call
        nop
        .endm

        .include "tiny-mcount.S"
