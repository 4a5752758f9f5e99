#ifndef UA_FILTER_H
#define UA_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pp_str.h"

/*
 * Says which of many regular expressions can match a text at all, in one pass
 * over it.
 *
 * From each expression it takes a few literals of which one has to stand in
 * every text that the expression matches, and looks for all of them at once
 * (Aho and Corasick 1975). Letters are taken without their case, so it may say
 * "can match" too often, but never too seldom. An expression it finds no such
 * literal in can always match. No I/O; reading it is safe from any thread.
 */
struct ua_filter;

/* patterns as PCRE2 reads them, without options but PCRE2_CASELESS. */
struct ua_filter *ua_filter_new(const struct pp_str *patterns, size_t count);
void ua_filter_free(struct ua_filter **filter);

/* Sets bit i of bits_out, which has ua_filter_words(), when i can match. */
void ua_filter_scan(const struct ua_filter *filter, struct pp_str text,
                    uint64_t *bits_out);
size_t ua_filter_words(const struct ua_filter *filter);

/* For tests and benchmarks: patterns without a literal. */
size_t ua_filter_always(const struct ua_filter *filter);

#endif
