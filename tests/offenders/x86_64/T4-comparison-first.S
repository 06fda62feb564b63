// SPDX-License-Identifier: GPL-2.0-only
// A comparison stands before pushfq: flags at the site are lost before they are saved.
//
// Variant: 6.12
// Breaks: T4
// So also: C5, W1

        .set    OWN_BEGIN, 1

        .macro BEGIN
        cmpq    $0, function_trace_op(%rip)
        .endm

        .include "tiny-6.S"
