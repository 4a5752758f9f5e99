#include "pp_tzif.h"

#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#define HEADER_BYTES 44
#define TYPE_BYTES   6

/* What an offset may be: more than -25 hours, less than 26. [RFC 9636, 3.2] */
#define OFFSET_MIN_S (-89999)
#define OFFSET_MAX_S 93599

/* How many there are of each part of a block, in the header's order. */
struct counts {
    uint32_t utc, standard, leap, time, type, name_bytes;
};

static uint32_t be32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
           b[3];
}

static int64_t be64(const char *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static int wrong(struct pp_err *err, const char *what)
{
    return pp_err_set(err, PP_ERR_INVALID, "time zone file: %s", what);
}

static int take_header(struct pp_str *rest, struct counts *counts,
                       struct pp_err *err)
{
    const char *p = rest->p;

    if (rest->n < HEADER_BYTES || memcmp(p, "TZif", 4) != 0)
        return wrong(err, "it is none");
    if (p[4] < '2')
        return wrong(err, "version 1 ends in 2037");
    *counts = (struct counts){be32(p + 20), be32(p + 24), be32(p + 28),
                              be32(p + 32), be32(p + 36), be32(p + 40)};
    *rest = pp_str_sub(*rest, HEADER_BYTES, rest->n);
    return 0;
}

/* Of numbers with 32 bits, so that the sum fits into 64. */
static uint64_t block_bytes(const struct counts *counts, uint64_t time_bytes)
{
    return counts->time * (time_bytes + 1) +
           (uint64_t)counts->type * TYPE_BYTES + counts->name_bytes +
           counts->leap * (time_bytes + 4) + counts->standard + counts->utc;
}

/* The block for readers of version 1 comes first. */
static int skip_first_block(struct pp_str *rest, struct pp_err *err)
{
    struct counts counts;

    if (take_header(rest, &counts, err) < 0)
        return -1;
    if (block_bytes(&counts, 4) > rest->n)
        return wrong(err, "it is cut short");
    *rest = pp_str_sub(*rest, (size_t)block_bytes(&counts, 4), rest->n);
    return 0;
}

static int check_counts(const struct counts *counts, struct pp_err *err)
{
    if (counts->leap > 0)
        return wrong(err, "it counts leap seconds");
    if (counts->type == 0 || counts->type > 256 || counts->name_bytes == 0 ||
        counts->time > PP_TZIF_TIMES_MAX ||
        (counts->standard > 0 && counts->standard != counts->type) ||
        (counts->utc > 0 && counts->utc != counts->type))
        return wrong(err, "its counts contradict each other");
    return 0;
}

static int read_types(const char *p, const struct counts *counts,
                      int32_t offset_s[static 256], struct pp_err *err)
{
    for (uint32_t i = 0; i < counts->type; i++, p += TYPE_BYTES) {
        offset_s[i] = (int32_t)be32(p);
        if (offset_s[i] < OFFSET_MIN_S || offset_s[i] > OFFSET_MAX_S)
            return wrong(err, "it has an offset of more than a day");
        if ((unsigned char)p[4] > 1 ||
            (unsigned char)p[5] >= counts->name_bytes)
            return wrong(err, "it has a wrong type of time");
    }
    return 0;
}

/* p is where the times begin, each with its type's number behind all times. */
static int read_times(const char *p, const struct counts *counts,
                      const int32_t offset_s[static 256], struct pp_tzif *tzif,
                      struct pp_err *err)
{
    const char *types = p + (size_t)counts->time * 8;

    for (size_t i = 0; i < counts->time; i++) {
        int64_t at_s = be64(p + i * 8);
        unsigned char type = (unsigned char)types[i];

        if (type >= counts->type)
            return wrong(err, "it has a time of no type");
        if (at_s > PP_TZIF_FAR_S || (i > 0 && at_s <= be64(p + i * 8 - 8)))
            return wrong(err, "its times don't ascend");
        tzif->offset_s[i] = offset_s[type];
        /* Some files begin at the big bang, which is as good as long ago. */
        tzif->at_s[i] = at_s < -PP_TZIF_FAR_S ? -PP_TZIF_FAR_S : at_s;
    }
    tzif->before_s = offset_s[0];
    tzif->count = counts->time;
    return 0;
}

/* "\n", the rule or nothing, "\n", at the very end. */
static int read_footer(struct pp_str footer, struct pp_tzif *tzif,
                       struct pp_err *err)
{
    if (footer.n < 2 || footer.p[0] != '\n' || footer.p[footer.n - 1] != '\n')
        return wrong(err, "it has no rule at its end");
    footer = pp_str_sub(footer, 1, footer.n - 2);
    if (footer.n == 0)
        return 0;
    if (!pp_zone_rule_parse(footer, &tzif->rule))
        return wrong(err, "the rule at its end can't be read");
    tzif->has_rule = true;
    return 0;
}

int pp_tzif_read(struct pp_str bytes, struct pp_tzif *tzif_out,
                 struct pp_err *err)
{
    struct pp_tzif tzif = {0};
    struct counts counts;
    int32_t offset_s[256] = {0};
    uint64_t size;

    if (skip_first_block(&bytes, err) < 0 ||
        take_header(&bytes, &counts, err) < 0 || check_counts(&counts, err) < 0)
        return -1;
    size = block_bytes(&counts, 8);
    if (size > bytes.n)
        return wrong(err, "it is cut short");
    if (read_types(bytes.p + (size_t)counts.time * 9, &counts, offset_s, err) <
        0)
        return -1;
    tzif.at_s = pp_calloc(counts.time + 1, sizeof(*tzif.at_s));
    tzif.offset_s = pp_calloc(counts.time + 1, sizeof(*tzif.offset_s));
    if (read_times(bytes.p, &counts, offset_s, &tzif, err) < 0 ||
        read_footer(pp_str_sub(bytes, (size_t)size, bytes.n), &tzif, err) < 0) {
        pp_tzif_fini(&tzif);
        return -1;
    }
    *tzif_out = tzif;
    return 0;
}

void pp_tzif_fini(struct pp_tzif *tzif)
{
    free(tzif->at_s);
    free(tzif->offset_s);
    *tzif = (struct pp_tzif){0};
}
