// SPDX-License-Identifier: GPL-2.0-only
// A function that can be traced is called on the way to the callback.
//
// Variant: 6.12
// Breaks: N2
// So also: C0, G1, T2

        .set    OWN_MARK, 1

        .macro MARK
        movq    $0, PT_cs(%rsp)
        call    vfs_write
        .endm

        .include "tiny-6.S"
