#ifndef ERASED_H
#define ERASED_H

#include "pp_consumer.h"
#include "pp_registry.h"

#include "batch.h"

/*
 * The sites of which nothing may be stored, for ever: what the compacted
 * topic `sites` says. Belongs to one thread.
 */
struct erased;

/*
 * Reads the topic to its end, waiting up to wait_ms for that: before, nobody
 * may store anything. PP_ERR_AGAIN: it did not get so far. registry has to
 * outlive it.
 */
int erased_open(struct erased **erased_out,
                const struct pp_kafka_access *access, const char *prefix,
                const struct pp_registry *registry, int wait_ms,
                struct pp_err *err);
void erased_close(struct erased **erased);

/*
 * Takes the erasures that came meanwhile, and denies the rows of all erased
 * sites that are still to be stored. Waits for nobody. PP_ERR_AGAIN: what is
 * newest of a row's site needs a newer program to read it, and may be its
 * erasure.
 */
int erased_deny(struct erased *erased, struct batch *batch, size_t *denied_out,
                struct pp_err *err);

#endif
