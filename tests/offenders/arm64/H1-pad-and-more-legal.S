// SPDX-License-Identifier: GPL-2.0-only
// Behind the landing pad comes something that does nothing.
//
// Variant: 6.12-bti
// Keeps: H1

        .set    OWN_PAD, 1

        .macro PAD
        bti     c
        nop
        .endm

        .include "tiny-6.S"
