// SPDX-License-Identifier: GPL-2.0-only
// The entries do not begin with a landing pad.
//
// Variant: 6.12-ibt
// Breaks: H1

        .set    OWN_BEGIN, 1

        .macro BEGIN
        .endm

        .include "tiny-6.S"
