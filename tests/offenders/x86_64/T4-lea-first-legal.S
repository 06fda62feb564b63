// SPDX-License-Identifier: GPL-2.0-only
// What stands before pushfq leaves flags alone.
//
// Variant: 6.12
// Keeps: T4

        .set    OWN_BEGIN, 1

        .macro BEGIN
        lea     -8(%rsp), %rsp
        lea     8(%rsp), %rsp
        .endm

        .include "tiny-6.S"
