#ifndef PRINT_H
#define PRINT_H

#include "pp_arena.h"
#include "pp_str.h"

#define PRINT_BYTES 96

/*
 * A short argument of a command to Redis, in the arena; what is longer than
 * PRINT_BYTES - 1 is cut. The arena holds a whole batch: where it has no room
 * that is a bug, and the process ends.
 */
struct pp_str print(struct pp_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
