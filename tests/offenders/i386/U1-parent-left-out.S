// SPDX-License-Identifier: GPL-2.0-only
// Both frames say that they belong to the traced function: the parent is missing.
//
// Variant: 6.12-fp
// Breaks: U1

        .set    OWN_FRAMES, 1

        .macro FRAMES
        push    (%esp)                                  // rip, for parent_ip
        push    %ebp
        mov     %esp, %ebp
        push    8(%esp)
        push    %ebp
        mov     %esp, %ebp
        .endm

        .include "tiny-6.S"
