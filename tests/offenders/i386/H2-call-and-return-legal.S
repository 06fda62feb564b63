// SPDX-License-Identifier: GPL-2.0-only
// A function is called on the way back, and returns.
//
// Variant: 6.12
// Keeps: H2

        .set    OWN_LOAD, 1

        .macro LOAD
        lea     4(%esp), %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        call    ftrace_stub_direct_tramp
        .endm

        .include "tiny-6.S"
