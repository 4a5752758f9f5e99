#include "pp_retry.h"

#include <assert.h>

void pp_retry_init(struct pp_retry *retry, int64_t first_ms, int64_t max_ms,
                   uint64_t seed)
{
    assert(first_ms > 0 && max_ms >= first_ms);
    *retry = (struct pp_retry){
        .first_ms = first_ms, .max_ms = max_ms, .random = seed ? seed : 1};
}

/* xorshift64: nobody has to be kept from guessing it. */
static uint64_t next_random(struct pp_retry *retry)
{
    retry->random ^= retry->random << 13;
    retry->random ^= retry->random >> 7;
    retry->random ^= retry->random << 17;
    return retry->random;
}

int64_t pp_retry_wait_ms(struct pp_retry *retry)
{
    int64_t bound = retry->first_ms;

    for (unsigned i = 0; i < retry->failures && bound < retry->max_ms; i++)
        bound = bound > retry->max_ms / 2 ? retry->max_ms : bound * 2;
    if (bound < retry->max_ms)
        retry->failures++;
    return 1 + (int64_t)(next_random(retry) % (uint64_t)bound);
}

void pp_retry_worked(struct pp_retry *retry)
{
    retry->failures = 0;
}
