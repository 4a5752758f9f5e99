#ifndef PP_CITYHASH_H
#define PP_CITYHASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * CityHash128 as version 1.0.2 of CityHash defines it: the checksum of
 * ClickHouse's compressed frames. Versions since 1.0.3 give other numbers.
 * It finds errors, not forgeries.
 *
 * Written from the algorithm of CityHash 1.0.2 by Geoff Pike and Jyrki
 * Alakuijala, Copyright (c) 2011 Google, Inc., under the MIT licence, which
 * asks that this notice stays. For machines with little-endian numbers.
 */
struct pp_city128 {
    uint64_t low, high;
};

struct pp_city128 pp_cityhash128(const void *bytes, size_t count);

#endif
