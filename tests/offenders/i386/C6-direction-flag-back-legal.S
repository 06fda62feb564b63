// SPDX-License-Identifier: GPL-2.0-only
// The direction flag is set for a moment, and clear again where C is called.
//
// Variant: 6.12
// Keeps: C6

        .set    OWN_CALLING, 1

        .macro CALLING
        std
        cld
        .endm

        .include "tiny-6.S"
