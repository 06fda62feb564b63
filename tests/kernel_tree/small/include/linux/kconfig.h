/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SMALL_KCONFIG_H
#define SMALL_KCONFIG_H
#include <generated/autoconf.h>

/* 1 where the argument is a macro that is 1 */
#define COMMA_FOR_1 0,
#define SECOND(one, two, ...) two
#define IS_ONE(x) IS_ONE_(x)
#define IS_ONE_(x) IS_ONE__(COMMA_FOR_##x)
#define IS_ONE__(x) SECOND(x 1, 0)
#define IS_ENABLED(option) IS_ONE(option)
#endif
