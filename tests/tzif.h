#ifndef TZIF_H
#define TZIF_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pp_buf.h"
#include "pp_str.h"
#include "pp_zone.h"

/*
 * Makes time zone files of few parts: for tests that need a zone that does
 * something odd, or bytes that are nearly a zone. [RFC 9636, 3]
 */
struct tzif_change {
    int64_t at_s;
    int type;
};

struct tzif {
    char version;
    const int32_t *offsets_s;
    size_t offset_count;
    const struct tzif_change *changes;
    size_t change_count;
    const char *rule;
};

static inline void tzif_number(struct pp_buf *buf, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        pp_buf_add_byte(buf, (unsigned char)(number >> (8 * i)));
}

static inline void tzif_header(struct pp_buf *buf, char version, size_t times,
                               size_t types, size_t name_bytes)
{
    pp_buf_add(buf, "TZif", 4);
    pp_buf_add_byte(buf, (unsigned char)version);
    for (int i = 0; i < 15; i++)
        pp_buf_add_byte(buf, 0);
    tzif_number(buf, 0, 4);
    tzif_number(buf, 0, 4);
    tzif_number(buf, 0, 4);
    tzif_number(buf, times, 4);
    tzif_number(buf, types, 4);
    tzif_number(buf, name_bytes, 4);
}

static inline void tzif_add(struct pp_buf *buf, const struct tzif *tzif)
{
    tzif_header(buf, tzif->version, 0, 0, 0);
    tzif_header(buf, tzif->version, tzif->change_count, tzif->offset_count, 4);
    for (size_t i = 0; i < tzif->change_count; i++)
        tzif_number(buf, (uint64_t)tzif->changes[i].at_s, 8);
    for (size_t i = 0; i < tzif->change_count; i++)
        pp_buf_add_byte(buf, (unsigned char)tzif->changes[i].type);
    for (size_t i = 0; i < tzif->offset_count; i++) {
        tzif_number(buf, (uint32_t)tzif->offsets_s[i], 4);
        tzif_number(buf, 0, 2);
    }
    pp_buf_add(buf, "LMT", 4);
    pp_buf_printf(buf, "\n%s\n", tzif->rule);
}

/* A zone that does what the rule says, always; abort() when it is none. */
static inline struct pp_zone *tzif_zone(const char *rule)
{
    static const int32_t utc_s[] = {0};
    const struct tzif tzif = {
        .version = '3', .offsets_s = utc_s, .offset_count = 1, .rule = rule};
    struct pp_zone *zone;
    struct pp_err err;
    struct pp_buf buf;

    pp_buf_init(&buf, 4096);
    tzif_add(&buf, &tzif);
    if (pp_zone_new(&zone, pp_buf_str(&buf), &err) < 0)
        abort();
    pp_buf_fini(&buf);
    return zone;
}

#endif
