// SPDX-License-Identifier: GPL-2.0-only
// The function behind ftrace_test_stop_func is called, and not that, which would have looked whether it may be.
//
// Variant: 3.6
// Breaks: N1
// So also: C0

        .set    OWN_CALL, 1

        .macro CALL
        movw    ip, #:lower16:__ftrace_trace_function
        movt    ip, #:upper16:__ftrace_trace_function
        ldr     ip, [ip]
        blx     ip
        b       1f
LABEL ftrace_call
        bl      ftrace_stub
1:
        .endm

        .include "tiny-3.S"
