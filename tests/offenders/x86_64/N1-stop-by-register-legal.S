// SPDX-License-Identifier: GPL-2.0-only
// function_trace_stop is looked at in a register.
//
// Variant: 3.6
// Keeps: N1

        .set    OWN_TEST_STOP, 1

        .macro TEST_STOP
        mov     function_trace_stop(%rip), %r11d
        test    %r11d, %r11d
        jnz     ftrace_stub
        .endm

        .include "tiny-3.S"
