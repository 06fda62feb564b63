// SPDX-License-Identifier: GPL-2.0-only
// The way back goes by way of ip, which no caller counts on.
//
// Variant: 6.1
// Keeps: G4

        .set    OWN_EXIT, 1

        .macro EXIT
        push    {r0-r3}
        add     r0, sp, #16
        bl      ftrace_return_to_handler
        mov     ip, r0
        pop     {r0-r3}
        bx      ip
        .endm

        .include "tiny-6.S"
