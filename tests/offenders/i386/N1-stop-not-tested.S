// SPDX-License-Identifier: GPL-2.0-only
// function_trace_stop is not looked at.
//
// Variant: 3.6
// Breaks: N1
// So also: C0, G1

        .set    OWN_TEST_STOP, 1

        .macro TEST_STOP
        .endm

        .include "tiny-3.S"
