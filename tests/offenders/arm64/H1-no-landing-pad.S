// SPDX-License-Identifier: GPL-2.0-only
// The entry has no landing pad.
//
// Variant: 6.12-bti
// Breaks: H1

        .set    OWN_PAD, 1

        .macro PAD
        nop
        .endm

        .include "tiny-6.S"
