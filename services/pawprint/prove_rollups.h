#ifndef PROVE_ROLLUPS_H
#define PROVE_ROLLUPS_H

#include <stdbool.h>

#include "cli.h"

/*
 * Compares every day of visits and rollups with events, in all their values,
 * and prints a line a day. Events that arrive meanwhile make today differ:
 * equal_out is of one moment.
 */
int prove_rollups(struct cli *cli, bool *equal_out, struct pp_err *err);

#endif
