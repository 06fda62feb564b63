// SPDX-License-Identifier: GPL-2.0-only
// The jump that the core patches is behind one that is always taken.
//
// Variant: 6.12
// Breaks: G1

        .set    OWN_GRAPH, 1

        .macro GRAPH
        jmp     4f
LABEL ftrace_graph_call
        jmp     ftrace_stub
4:      ret
        .endm

        .include "tiny-6.S"
