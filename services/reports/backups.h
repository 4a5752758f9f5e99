#ifndef BACKUPS_H
#define BACKUPS_H

#include "pp_err.h"

/*
 * How old the last backup is, and the last one that a drill has restored: what
 * `pawprint backup` and `pawprint drill` wrote into backup_run, as metrics.
 * Each replica asks by itself. One thread.
 */
struct backups;

void backups_metrics_add(void);

int backups_open(struct backups **backups_out, const char *postgres,
                 struct pp_err *err);
void backups_close(struct backups **backups);

/* Asks Postgres, at most every ten seconds. */
int backups_look(struct backups *backups, struct pp_err *err);

#endif
