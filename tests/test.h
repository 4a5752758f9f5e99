#ifndef TEST_H
#define TEST_H

/* The four headers that cmocka.h wants before it, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pp_mem.h"

#endif
