#ifndef ZONES_H
#define ZONES_H

#include <stdio.h>

#include "pp_date.h"
#include "pp_time.h"
#include "pp_zone.h"
#include "pp_zones.h"

#include "test.h"

/*
 * Zones that stay as they are (tests/data/zones/SOURCE), and times as tests
 * write them: "2026-03-08 02:30" or with seconds, local or in UTC.
 */
#define FROZEN_ZONES "tests/data/zones"

/* The caller frees it. */
static inline struct pp_zone *frozen_zone(const char *name)
{
    static struct pp_zones *zones;
    struct pp_zone *zone = NULL;
    struct pp_err err;

    if ((!zones &&
         pp_zones_open(&zones, FROZEN_ZONES, 32, 3600000, &err) < 0) ||
        pp_zones_get(zones, pp_str_of(name), &zone, &err) < 0)
        fail_msg("%s: %s", name, err.msg);
    return zone;
}

static inline int64_t date_of(const char *text)
{
    int64_t day = 0;

    if (!pp_date_parse(pp_str_sub(pp_str_of(text), 0, 10), &day))
        fail_msg("%s is no date", text);
    return day;
}

static inline int64_t ms_of(const char *text)
{
    int hour = 0, minute = 0, second = 0;

    if (sscanf(text + 10, " %d:%d:%d", &hour, &minute, &second) < 2)
        fail_msg("%s is no time", text);
    return date_of(text) * INT64_C(86400000) +
           (hour * 3600 + minute * 60 + second) * INT64_C(1000);
}

static inline void expect_at(const char *what, int64_t got_ms,
                             const char *wanted)
{
    char got[PP_WALL_TEXT_BYTES];

    pp_wall_text((struct pp_wall){got_ms}, got);
    if (got_ms != ms_of(wanted))
        fail_msg("%s: %s and not %s", what, got, wanted);
}

#endif
