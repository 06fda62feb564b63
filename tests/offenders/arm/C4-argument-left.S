// SPDX-License-Identifier: GPL-2.0-only
// The fourth argument is what the traced function was called with, instead of NULL.
//
// Variant: 6.1
// Breaks: C4
// So also: C0, G1, T2

        .set    OWN_RECORD, 1

        .macro RECORD
        .endm

        .include "tiny-6.S"
