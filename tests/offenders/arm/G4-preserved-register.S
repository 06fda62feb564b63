// SPDX-License-Identifier: GPL-2.0-only
// The way back goes by way of r4, which belongs to the function's caller.
//
// Variant: 6.1
// Breaks: G4
// So also: G3

        .set    OWN_EXIT, 1

        .macro EXIT
        push    {r0-r3}
        add     r0, sp, #16
        bl      ftrace_return_to_handler
        mov     r4, r0
        pop     {r0-r3}
        bx      r4
        .endm

        .include "tiny-6.S"
