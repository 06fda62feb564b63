// SPDX-License-Identifier: GPL-2.0-only
// The address of the record is computed.
//
// Variant: 6.12
// Keeps: C4

        .set    OWN_RECORD, 1

        .macro RECORD
        sub     x3, x29, #FREGS_SIZE
        .endm

        .include "tiny-6.S"
