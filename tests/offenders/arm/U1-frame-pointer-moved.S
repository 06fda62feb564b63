// SPDX-License-Identifier: GPL-2.0-only
// fp leads to the trampoline's frame, in which no unwinder finds what it looks for.
//
// Variant: 3.6
// Breaks: U1

        .set    OWN_CALL, 1

        .macro CALL
        push    {fp, lr}
        mov     fp, sp
LABEL ftrace_call
        bl      ftrace_stub
        pop     {fp, lr}
        .endm

        .include "tiny-3.S"
