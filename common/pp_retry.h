#ifndef PP_RETRY_H
#define PP_RETRY_H

#include <stdint.h>

/*
 * Backoff with jitter, up to a limit: how long to wait before the next try.
 *
 * The bound doubles with every failure from first_ms to max_ms, and the wait
 * is a random part of it ("full jitter"), so that a hundred processes that
 * lost the same server do not come back in step. The caller waits; nothing
 * here sleeps or reads a clock. One thread at a time.
 * [AWS Architecture Blog, "Exponential Backoff And Jitter"]
 */
struct pp_retry {
    int64_t first_ms;
    int64_t max_ms;
    unsigned failures; /* since the last success */
    uint64_t random;   /* state of the generator, never 0 */
};

/* seed: anything that differs between processes; 0 is taken as 1. */
void pp_retry_init(struct pp_retry *retry, int64_t first_ms, int64_t max_ms,
                   uint64_t seed);

/* Counts a failure; 1 ms at least and the present bound at most. */
int64_t pp_retry_wait_ms(struct pp_retry *retry);

/* It worked: the next failure starts from first_ms again. */
void pp_retry_worked(struct pp_retry *retry);

#endif
