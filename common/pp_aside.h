#ifndef PP_ASIDE_H
#define PP_ASIDE_H

#include <stdbool.h>

#include "pp_err.h"

/*
 * A thread beside the loop, which waits for a server so that the loop has not
 * to. It does one errand at a time: from pp_aside_begin() until
 * pp_aside_ended() says true the context is the thread's, at all other times
 * the loop's. All calls are the loop's.
 */
struct pp_aside;

/* Calls work(context) for each errand; context has to outlive it. */
int pp_aside_open(struct pp_aside **aside_out, void (*work)(void *context),
                  void *context, struct pp_err *err);

/* Waits for an errand that is under way. */
void pp_aside_close(struct pp_aside **aside);

/* Only while none is under way. */
void pp_aside_begin(struct pp_aside *aside);

/* Begun, and not yet seen to have ended. Waits for nothing. */
bool pp_aside_is_under_way(const struct pp_aside *aside);

/* True once for each errand, when it has ended; waits up to wait_ms for it. */
bool pp_aside_ended(struct pp_aside *aside, int wait_ms);

#endif
