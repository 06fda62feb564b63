// SPDX-License-Identifier: GPL-2.0-only
// The call of ftrace_test_stop_func is reached by a branch.
//
// Variant: 3.6
// Keeps: N1

        .set    OWN_CALL, 1

        .macro CALL
        b       ftrace_call
        nop
LABEL ftrace_call
        bl      ftrace_stub
        .endm

        .include "tiny-3.S"
