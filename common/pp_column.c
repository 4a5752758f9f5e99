#include "pp_column.h"

#include <stddef.h>

void pp_column_begin(struct pp_buf *column, size_t max_bytes)
{
    pp_buf_init(column, max_bytes);
    pp_buf_add_byte(column, '{');
}

static void separate(struct pp_buf *column)
{
    if (column->n > 1)
        pp_buf_add_byte(column, ',');
}

/* Faster than printf, of which a flush of the meter would need seventy
 * thousand. */
void pp_column_number(struct pp_buf *column, int64_t number)
{
    char digits[24], *p = digits + sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    separate(column);
    do
        *--p = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--p = '-';
    pp_buf_add(column, p, (size_t)(digits + sizeof(digits) - p));
}

void pp_column_plain(struct pp_buf *column, struct pp_str text)
{
    separate(column);
    pp_buf_add_str(column, text);
}

void pp_column_text(struct pp_buf *column, struct pp_str text)
{
    separate(column);
    pp_buf_add_byte(column, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            pp_buf_add_byte(column, '\\');
        pp_buf_add_byte(column, (unsigned char)text.p[i]);
    }
    pp_buf_add_byte(column, '"');
}

void pp_column_hex(struct pp_buf *column, struct pp_str bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *room;

    separate(column);
    /* An empty element is written so. */
    if (bytes.n == 0)
        pp_buf_add_text(column, "\"\"");
    room = pp_buf_room(column, 2 * bytes.n);
    if (!room)
        return;
    for (size_t i = 0; i < bytes.n; i++) {
        room[2 * i] = digits[(unsigned char)bytes.p[i] >> 4];
        room[2 * i + 1] = digits[(unsigned char)bytes.p[i] & 15];
    }
    pp_buf_grew(column, 2 * bytes.n);
}

const char *pp_column_end(struct pp_buf *column)
{
    pp_buf_add_byte(column, '}');
    pp_buf_add_byte(column, '\0');
    return column->overflow ? NULL : column->p;
}
