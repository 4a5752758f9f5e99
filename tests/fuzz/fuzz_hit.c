/*
 * Any bytes as the body of POST /e, and of POST /b: refused with a reason, or
 * hits that keep every limit and survive their way through Kafka.
 */
#include "accepted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hit hits[HIT_BATCH_MAX];
static enum result results[HIT_BATCH_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str body = {(const char *)data, size};
    struct pp_arena arena;
    size_t count = 0;

    pp_arena_init(&arena, (size_t)8 << 20);
    if (hit_read_one(body, &arena, &hits[0]) == RESULT_ACCEPTED)
        accepted_check(&hits[0]);
    pp_arena_reset(&arena);
    if (hit_read_batch(body, &arena, hits, results, &count) ==
        RESULT_ACCEPTED) {
        if (count == 0 || count > HIT_BATCH_MAX)
            abort();
        for (size_t i = 0; i < count; i++)
            if (results[i] == RESULT_ACCEPTED)
                accepted_check(&hits[i]);
    }
    pp_arena_fini(&arena);
    return 0;
}
