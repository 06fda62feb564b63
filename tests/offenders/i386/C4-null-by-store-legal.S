// SPDX-License-Identifier: GPL-2.0-only
// The fourth argument is stored, not pushed.
//
// Variant: 6.12
// Keeps: C4

        .set    OWN_NULL, 1

        .macro NULL
        lea     -4(%esp), %esp
        movl    $0, (%esp)
        .endm

        .include "tiny-6.S"
