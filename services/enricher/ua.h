#ifndef UA_H
#define UA_H

#include <stdbool.h>

#include "pp_arena.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * What a User-Agent header stands for, by uap-core's rules: the first rule of
 * a section that matches decides. [uap-core docs/specification.md]
 *
 * One thread at a time.
 */
struct ua;

/* Of a longer header the rest is not looked at. */
#define UA_MAX_BYTES 512

struct ua_result {
    struct pp_str browser;         /* family, or empty */
    struct pp_str browser_version; /* major, or empty */
    struct pp_str os;              /* family, or empty */
    struct pp_str device;          /* desktop, mobile, tablet or other */
    bool bot;                      /* uap-core's device says Spider */
};

/* path: rules made by data/uap/convert. PP_ERR_FATAL names the bad line. */
int ua_open(struct ua **ua_out, const char *path, struct pp_err *err);
void ua_close(struct ua **ua);

/*
 * Plain: tries every rule in turn and remembers nothing, for tests and
 * benchmarks. Answers are the same.
 */
void ua_set_plain(struct ua *ua, bool plain);

/* Texts are the arena's; those it has no room for are empty. Never fails. */
void ua_parse(struct ua *ua, struct pp_str agent, struct pp_arena *arena,
              struct ua_result *result_out);

#endif
