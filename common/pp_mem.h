#ifndef PP_MEM_H
#define PP_MEM_H

#include <stddef.h>

/*
 * Memory, or no return: when the system has none left the process says so on
 * stderr and aborts. What is too large is refused before it gets here.
 *
 * The caller owns what is returned and gives it back with free(). Safe from
 * any thread.
 */
void *pp_malloc(size_t bytes) __attribute__((malloc, returns_nonnull));
void *pp_calloc(size_t count, size_t bytes)
    __attribute__((malloc, returns_nonnull));
void *pp_realloc(void *old, size_t bytes) __attribute__((returns_nonnull));
char *pp_strdup(const char *text) __attribute__((malloc, returns_nonnull));

/* So many bytes, and a NUL behind them; bytes may be NULL where count is 0. */
char *pp_strndup(const void *bytes, size_t count)
    __attribute__((malloc, returns_nonnull));

/* How many elements an array (not a pointer) has. */
#define PP_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
