// SPDX-License-Identifier: GPL-2.0-only
// The function called on the way is one without a site.
//
// Variant: 6.12
// Keeps: N2

        .set    OWN_MARK, 1

        .macro MARK
        movq    $0, PT_cs(%rsp)
        call    ftrace_stub_graph
        .endm

        .include "tiny-6.S"
