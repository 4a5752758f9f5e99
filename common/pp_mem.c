#include "pp_mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *memory, size_t bytes)
{
    if (memory)
        return memory;
    fprintf(stderr, "out of memory: %zu bytes\n", bytes);
    abort();
}

/* One byte at least: NULL then only ever means that there was no memory. */
static size_t at_least_one(size_t bytes)
{
    return bytes ? bytes : 1;
}

void *pp_malloc(size_t bytes)
{
    return or_abort(malloc(at_least_one(bytes)), bytes);
}

void *pp_calloc(size_t count, size_t bytes)
{
    return or_abort(calloc(at_least_one(count), at_least_one(bytes)), bytes);
}

void *pp_realloc(void *old, size_t bytes)
{
    return or_abort(realloc(old, at_least_one(bytes)), bytes);
}

char *pp_strdup(const char *text)
{
    return or_abort(strdup(text), strlen(text) + 1);
}

char *pp_strndup(const void *bytes, size_t count)
{
    char *copy = pp_malloc(count + 1);

    if (count)
        memcpy(copy, bytes, count);
    copy[count] = '\0';
    return copy;
}
