// SPDX-License-Identifier: GPL-2.0-only
// The jump that the core patches is behind one that is always taken.
//
// Variant: 3.6
// Breaks: G1

        .set    OWN_GRAPH, 1

        .macro GRAPH
        jmp     1f
LABEL ftrace_graph_call
        jmp     ftrace_stub
1:      ret
        .endm

        .include "tiny-3.S"
