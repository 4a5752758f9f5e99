#ifndef PP_BUF_H
#define PP_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "pp_str.h"

/*
 * Bytes that grow up to a stated limit.
 *
 * Adding beyond the limit adds nothing and sets overflow, which stays until
 * the next reset: a writer adds all it has and asks once at the end. The
 * buffer owns its bytes; p moves when it grows. One thread at a time.
 */
struct pp_buf {
    char *p;
    size_t n;
    size_t capacity;
    size_t max;
    bool overflow;
};

/* Allocates nothing yet. max_bytes is the most it will ever hold. */
void pp_buf_init(struct pp_buf *buf, size_t max_bytes);
void pp_buf_fini(struct pp_buf *buf);

/* Empties it and forgets an overflow; keeps the memory. */
void pp_buf_reset(struct pp_buf *buf);

void pp_buf_add_str(struct pp_buf *buf, struct pp_str text);
void pp_buf_add_text(struct pp_buf *buf, const char *text);
void pp_buf_add_byte(struct pp_buf *buf, unsigned char byte);
void pp_buf_printf(struct pp_buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Room for count more bytes, to be filled by the caller and then counted in
 * with pp_buf_grew(); NULL when that would pass the limit.
 */
char *pp_buf_room(struct pp_buf *buf, size_t count);
void pp_buf_grew(struct pp_buf *buf, size_t count);

/* Here, since columns are made of little else. */
static inline void pp_buf_add(struct pp_buf *buf, const void *bytes,
                              size_t count)
{
    char *room;

    if (count == 0)
        return;
    if (count > buf->capacity - buf->n || buf->overflow)
        room = pp_buf_room(buf, count);
    else
        room = buf->p + buf->n;
    if (!room)
        return;
    memcpy(room, bytes, count);
    buf->n += count;
}

/* What it holds; valid until it changes. */
struct pp_str pp_buf_str(const struct pp_buf *buf);

#endif
