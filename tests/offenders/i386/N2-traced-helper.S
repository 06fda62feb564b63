// SPDX-License-Identifier: GPL-2.0-only
// A function that can be traced is called on the way to the callback.
//
// Variant: 6.12
// Breaks: N2
// So also: C0, G1, T2

        .set    OWN_BEGIN, 1

        .macro BEGIN
        push    %eax
        call    vfs_write
        pop     %eax
        .endm

        .include "tiny-6.S"
