// SPDX-License-Identifier: GPL-2.0-only
// Behind the landing pad there is something else.
//
// Variant: 6.12-ibt
// Keeps: H1

        .set    OWN_BEGIN, 1

        .macro BEGIN
        endbr64
        nop
        .endm

        .include "tiny-6.S"
