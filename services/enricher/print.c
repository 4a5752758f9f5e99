#include "print.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct pp_str print(struct pp_arena *arena, const char *fmt, ...)
{
    char text[PRINT_BYTES];
    va_list args;
    char *copy;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    copy = pp_arena_text(arena, pp_str_of(text));
    if (!copy)
        abort();
    return pp_str_of(copy);
}
