// SPDX-License-Identifier: GPL-2.0-only
// The room goes in two steps.
//
// Variant: 6.12
// Keeps: T2

        .set    OWN_LEAVE, 1

        .macro LEAVE
        lea     AREA-8(%rsp), %rsp
        lea     8(%rsp), %rsp
        .endm

        .include "tiny-6.S"
