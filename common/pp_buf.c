#include "pp_buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#define FIRST_CAPACITY ((size_t)256)

void pp_buf_init(struct pp_buf *buf, size_t max_bytes)
{
    *buf = (struct pp_buf){.max = max_bytes};
}

void pp_buf_fini(struct pp_buf *buf)
{
    free(buf->p);
    *buf = (struct pp_buf){.max = buf->max};
}

void pp_buf_reset(struct pp_buf *buf)
{
    buf->n = 0;
    buf->overflow = false;
}

char *pp_buf_room(struct pp_buf *buf, size_t count)
{
    size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;

    if (buf->overflow || count > buf->max - buf->n) {
        buf->overflow = true;
        return NULL;
    }
    if (count > buf->capacity - buf->n || !buf->p) {
        while (capacity - buf->n < count)
            capacity *= 2;
        if (capacity > buf->max) /* so that pp_buf_add() need not look */
            capacity = buf->max;
        buf->p = pp_realloc(buf->p, capacity);
        buf->capacity = capacity;
    }
    return buf->p + buf->n;
}

void pp_buf_grew(struct pp_buf *buf, size_t count)
{
    assert(count <= buf->capacity - buf->n);
    buf->n += count;
}

void pp_buf_add_str(struct pp_buf *buf, struct pp_str text)
{
    pp_buf_add(buf, text.p, text.n);
}

void pp_buf_add_text(struct pp_buf *buf, const char *text)
{
    pp_buf_add(buf, text, strlen(text));
}

void pp_buf_add_byte(struct pp_buf *buf, unsigned char byte)
{
    pp_buf_add(buf, &byte, 1);
}

void pp_buf_printf(struct pp_buf *buf, const char *fmt, ...)
{
    va_list args;
    int length;
    char *room;

    va_start(args, fmt);
    length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(length >= 0);
    room = pp_buf_room(buf, (size_t)length + 1); /* and its NUL */
    if (!room)
        return;
    va_start(args, fmt);
    vsnprintf(room, (size_t)length + 1, fmt, args);
    va_end(args);
    buf->n += (size_t)length;
}

struct pp_str pp_buf_str(const struct pp_buf *buf)
{
    return (struct pp_str){buf->p, buf->n};
}
