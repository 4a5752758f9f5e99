#ifndef USAGE_H
#define USAGE_H

#include <stdbool.h>

#include "cli.h"

/*
 * Compares what was counted with what is stored, for each account and the
 * usage window it is in, and prints a line each; waits up to wait_s seconds for
 * what is still on its way, and is PP_ERR_AGAIN if it still is then. equal_out
 * is of one moment.
 */
int prove_usage(struct cli *cli, int64_t wait_s, bool *equal_out,
                struct pp_err *err);

#endif
