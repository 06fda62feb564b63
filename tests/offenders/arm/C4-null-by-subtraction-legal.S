// SPDX-License-Identifier: GPL-2.0-only
// The fourth argument is NULL, made in another way.
//
// Variant: 6.1
// Keeps: C4

        .set    OWN_RECORD, 1

        .macro RECORD
        sub     r3, r3, r3
        .endm

        .include "tiny-6.S"
