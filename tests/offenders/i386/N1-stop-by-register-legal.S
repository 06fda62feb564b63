// SPDX-License-Identifier: GPL-2.0-only
// function_trace_stop is looked at in a register.
//
// Variant: 3.6
// Keeps: N1

        .set    OWN_TEST_STOP, 1

        .macro TEST_STOP
        push    %eax
        mov     function_trace_stop, %eax
        test    %eax, %eax
        pop     %eax
        jnz     ftrace_stub
        .endm

        .include "tiny-3.S"
