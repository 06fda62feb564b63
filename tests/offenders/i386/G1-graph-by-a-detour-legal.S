// SPDX-License-Identifier: GPL-2.0-only
// The jump that the core patches is reached by another one.
//
// Variant: 6.12
// Keeps: G1

        .set    OWN_GRAPH, 1

        .macro GRAPH
        jmp     ftrace_graph_call
        int3
LABEL ftrace_graph_call
        jmp     ftrace_stub
        .endm

        .include "tiny-6.S"
