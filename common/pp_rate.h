#ifndef PP_RATE_H
#define PP_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pp_err.h"

/*
 * How much is allowed of something, and how long to wait for more.
 *
 * A rule like 5/m is a bucket of five that fills evenly: five at once, then
 * one each twelve seconds. Of a bucket only an instant is kept, when it is full
 * again (GCRA); a full one is no different from none. What the clock says is
 * an argument, and nothing here does I/O. One thread.
 */
#define PP_RATE_RULES_MAX 4

struct pp_rate_rule {
    int64_t count;
    int64_t period_ns;
};

/* All of them have to allow it; none: everything is allowed. */
struct pp_rate_rules {
    struct pp_rate_rule list[PP_RATE_RULES_MAX];
    size_t count;
};

/*
 * "5/m", "100/s, 5000/m" (s, m, h, d; separated by blanks or commas), or "off".
 * A rule allows from 1 in its time to 1,000,000 a second. PP_ERR_INVALID.
 */
int pp_rate_parse(const char *text, struct pp_rate_rules *rules_out,
                  struct pp_err *err);

/* For pp_config: what the text has to be, or NULL when it is right. */
const char *pp_rate_wrong(const char *text);

/*
 * The buckets of many subjects, in memory that never grows: where there are
 * more subjects than buckets, the fullest bucket makes place for a new one.
 * A subject is a number, which should be a keyed hash.
 */
struct pp_rate;

/* count is rounded up to a power of two. */
struct pp_rate *pp_rate_new(size_t count);
void pp_rate_free(struct pp_rate **rate);

/* The rules have to outlive the buckets. */
struct pp_rate_ask {
    const struct pp_rate_rules *rules;
    uint64_t subject;
};

/*
 * Takes one of each of the count asks, or nothing. Returns 0 when it was
 * taken, else after how many nanoseconds it could be; *refused_out then is the
 * ask that takes longest.
 */
int64_t pp_rate_take(struct pp_rate *rate, const struct pp_rate_ask *asks,
                     size_t count, int64_t now_ns, size_t *refused_out);

/* Buckets that were not full and had to make place, since the start. */
uint64_t pp_rate_evicted_count(const struct pp_rate *rate);

/* --- several processes that count together ---------------------------------
 *
 * Each decides by its own buckets and tells the others now and then what it
 * took: whenever that has come to a QUANTUM of the rule. So a busy bucket is
 * told 64 times in its period at most, a quiet one never, and n processes
 * allow n / 64 of a rule more than one would, once. What was allowed too much
 * is a debt, which counts as taken.
 */
#define PP_RATE_QUANTUM 64

/* What was taken of a bucket, to be added to that of all processes. */
struct pp_rate_share {
    uint64_t bucket;   /* the same in every process with the same hashes */
    int64_t amount_us; /* what was taken, as time that it takes to fill */
    int64_t age_us;    /* since it began to be taken */
    int64_t most_us;   /* the shared bucket lacks no more than this */
    int64_t level_us;  /* what it lacks with this added: the answer */

    /* Its own. */
    int64_t amount_ns, since_ns;
};

/* Whether anything waits to be told. */
bool pp_rate_has_unshared(const struct pp_rate *rate);

/* Takes out up to max shares; each is given to one of the two below. */
size_t pp_rate_unshared(struct pp_rate *rate, struct pp_rate_share *shares,
                        size_t max, int64_t now_ns);

/* They were added, and level_us of each is what all processes took. */
void pp_rate_shared(struct pp_rate *rate, const struct pp_rate_share *shares,
                    size_t count, int64_t now_ns);

/* They were not: they are told later. */
void pp_rate_not_shared(struct pp_rate *rate,
                        const struct pp_rate_share *shares, size_t count);

#endif
