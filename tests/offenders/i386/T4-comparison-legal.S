// SPDX-License-Identifier: GPL-2.0-only
// Arithmetic flags are changed, which no function looks at behind its site.
//
// Variant: 6.12
// Keeps: T4

        .set    OWN_BEGIN, 1

        .macro BEGIN
        cmpl    $0, function_trace_op
        .endm

        .include "tiny-6.S"
