// SPDX-License-Identifier: GPL-2.0-only
// ds and es are stored into each other's slots.
//
// Variant: 6.12
// Breaks: C5

        .set    OWN_SAVE_REST, 1

        .macro SAVE_REST
        movw    %ds, PT_es(%esp)
        movw    %es, PT_ds(%esp)
        movw    %fs, PT_fs(%esp)
        movw    %gs, PT_gs(%esp)
        movw    %ss, PT_ss(%esp)
        .endm

        .include "tiny-6.S"
