#ifndef ASIDE_H
#define ASIDE_H

#include <stdbool.h>

#include "pp_err.h"

/*
 * A thread beside the loop, which waits for servers so that no request has to.
 *
 * It does one errand at a time: between aside_begin() and the aside_ended()
 * that says true the context is the thread's, at all other times the loop's.
 * All calls are the loop's.
 */
struct aside;

/* Calls work(context) for each errand; context has to outlive it. */
int aside_open(struct aside **aside_out, void (*work)(void *context),
               void *context, struct pp_err *err);

/* Waits for an errand that is under way. */
void aside_close(struct aside **aside);

/* Only while none is under way. */
void aside_begin(struct aside *aside);

/* Begun, and not yet seen to have ended. Waits for nothing. */
bool aside_is_under_way(const struct aside *aside);

/* True once for each errand, when it has ended. Waits for nothing. */
bool aside_ended(struct aside *aside);

#endif
