#ifndef LIMITER_H
#define LIMITER_H

#include <stdint.h>

#include "pp_err.h"
#include "pp_str.h"

/*
 * How often one token or session may call. All billing processes count
 * together, through Redis; without it each counts alone. Any thread.
 */
enum limiter_kind {
    LIMITER_ACT,  /* what goes to Stripe, and signing in */
    LIMITER_READ, /* what only looks */
    LIMITER_KINDS,
};

struct limiter;

/*
 * redis: as for pp_redis_open(), or empty: none. rules: as in pp_rate.h, of
 * each kind. sodium_init() came before.
 */
int limiter_open(struct limiter **limiter_out, const char *redis,
                 const char *const rules[LIMITER_KINDS], struct pp_err *err);
void limiter_close(struct limiter **limiter);

/* 0, or after how many nanoseconds it may be tried again. */
int64_t limiter_take(struct limiter *limiter, enum limiter_kind kind,
                     struct pp_str who);

/* Exchanges with Redis; once a turn of one thread. Waits for nothing. */
void limiter_turn(struct limiter *limiter);

/* Adds its metrics; before there are other threads. */
void limiter_metrics_add(void);

#endif
