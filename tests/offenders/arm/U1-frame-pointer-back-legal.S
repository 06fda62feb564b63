// SPDX-License-Identifier: GPL-2.0-only
// fp is used for something else, and is the function's again where C is called.
//
// Variant: 3.6
// Keeps: U1

        .set    OWN_CALL, 1

        .macro CALL
        push    {fp, lr}
        mov     fp, sp
        ldr     fp, [fp]
LABEL ftrace_call
        bl      ftrace_stub
        pop     {fp, lr}
        .endm

        .include "tiny-3.S"
