// SPDX-License-Identifier: GPL-2.0-only
// A function that can be traced is called on the way to the callback.
//
// Variant: 6.1
// Breaks: N2
// So also: C0, G1, T2

        .set    OWN_RECORD, 1

        .macro RECORD
        push    {r0-r3}
        bl      vfs_write
        pop     {r0-r3}
        mov     r3, #0
        .endm

        .include "tiny-6.S"
