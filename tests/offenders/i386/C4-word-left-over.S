// SPDX-License-Identifier: GPL-2.0-only
// The fourth argument is not written: what was on the stack is taken for a record.
//
// Variant: 6.12
// Breaks: C4
// So also: C0, G1, T2

        .set    OWN_NULL, 1

        .macro NULL
        lea     -4(%esp), %esp
        .endm

        .include "tiny-6.S"
