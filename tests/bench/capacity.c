/*
 * What it costs a collector to know whether an account has enough capacity.
 *
 *   capacity ACCOUNTS LOOKUPS     prints nanoseconds: the median, the 99th and
 *                                 the 99.9th of a hundred, and what the clock
 *                                 alone costs, which is in them
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pp_avro.h"
#include "pp_mem.h"
#include "pp_time.h"

#include "capacities.h"
#include "capacity.h"

#define ID_BYTES 13

static uint64_t dice = 7; /* SplitMix64 */

static uint64_t throw_dice(void)
{
    uint64_t x = dice += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void add(struct capacities *capacities, const char *id)
{
    const struct pp_avro_frame frame = {.fingerprint = CAPACITY_FINGERPRINT};
    const struct capacity capacity = {.account_id = pp_str_of(id),
                                      .version = 1};
    struct pp_err err;
    struct pp_buf record;

    pp_buf_init(&record, 4096);
    pp_avro_frame_put(&record, &frame);
    capacity_encode(&capacity, &record);
    if (capacities_apply(capacities, NULL, pp_buf_str(&record), &err) < 0)
        abort();
    pp_buf_fini(&record);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    size_t accounts = argc > 2 ? strtoul(argv[1], NULL, 10) : 100000;
    size_t lookups = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
    struct capacities *capacities = capacities_new();
    char(*ids)[ID_BYTES] = pp_calloc(accounts, ID_BYTES);
    int64_t *took_ns = pp_calloc(lookups, sizeof(*took_ns));
    int64_t clock_ns = INT64_MAX, until, taken = 0;

    for (size_t i = 0; i < accounts; i++) {
        snprintf(ids[i], ID_BYTES, "a%011" PRIx64, throw_dice() >> 20);
        add(capacities, ids[i]);
    }
    for (size_t i = 0; i < lookups; i++) {
        struct pp_str id = pp_str_of(ids[throw_dice() % accounts]);
        struct pp_mono start = pp_mono_now();

        taken +=
            capacities_judge(capacities, id, 1, &until) == PP_CAPACITY_TAKE;
        took_ns[i] = pp_mono_now().ns - start.ns;
    }
    for (int i = 0; i < 1000; i++) {
        struct pp_mono start = pp_mono_now();
        int64_t ns = pp_mono_now().ns - start.ns;

        if (ns < clock_ns)
            clock_ns = ns;
    }
    qsort(took_ns, lookups, sizeof(*took_ns), by_size);
    printf("capacity of %zu accounts: p50 %" PRId64 " ns, p99 %" PRId64
           " ns, p99.9 %" PRId64 " ns a look (of that the clock %" PRId64
           " ns)\n",
           accounts, took_ns[lookups / 2], took_ns[lookups / 100 * 99],
           took_ns[lookups / 1000 * 999], clock_ns);
    free(took_ns);
    free(ids);
    capacities_free(&capacities);
    return taken != (int64_t)lookups;
}
