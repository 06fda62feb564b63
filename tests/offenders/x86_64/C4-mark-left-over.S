// SPDX-License-Identifier: GPL-2.0-only
// cs is not cleared: what was on the stack says whether the record is a full pt_regs.
//
// Variant: 6.12
// Breaks: C4
// So also: C5

        .set    OWN_MARK, 1

        .macro MARK
        .endm

        .include "tiny-6.S"
