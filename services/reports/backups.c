#include "backups.h"

#include <stdlib.h>

#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_pg.h"
#include "pp_time.h"

#define EVERY_MS 10000

static struct pp_gauge age =
    PP_GAUGE("pawprint_reports_backup_age_seconds",
             "time since the last whole backup began; -1 before the first");
static struct pp_gauge drill_age =
    PP_GAUGE("pawprint_reports_backup_drill_age_seconds",
             "time since the last drill that restored a backup; -1 before the "
             "first");
static struct pp_gauge failed =
    PP_GAUGE("pawprint_reports_backup_failed",
             "1 when the last backup or the last drill failed");
static struct pp_gauge size =
    PP_GAUGE("pawprint_reports_backup_bytes", "size of the last whole backup");

struct backups {
    struct pp_pg *pg;
    struct pp_mono asked;
    bool is_asked;
};

void backups_metrics_add(void)
{
    pp_metrics_add(&age.metric);
    pp_metrics_add(&drill_age.metric);
    pp_metrics_add(&failed.metric);
    pp_metrics_add(&size.metric);
}

int backups_open(struct backups **backups_out, const char *postgres,
                 struct pp_err *err)
{
    struct backups *self = *backups_out = pp_calloc(1, sizeof(*self));

    return pp_pg_open(&self->pg, postgres, "reports.backups", err);
}

void backups_close(struct backups **backups)
{
    if (!*backups)
        return;
    pp_pg_close(&(*backups)->pg);
    free(*backups);
    *backups = NULL;
}

/* What is not known yet is no zero: -1. */
static const char sql[] =
    "SELECT coalesce(extract(epoch FROM pp_now() - max(backup_at) FILTER "
    "(WHERE kind = 'backup' AND state = 'done'))::bigint, -1), "
    "coalesce(extract(epoch FROM pp_now() - max(finished_at) FILTER (WHERE "
    "kind = 'drill' AND state = 'done'))::bigint, -1), (SELECT "
    "coalesce(bool_or(state = 'failed'), false) FROM (SELECT DISTINCT ON "
    "(kind) state FROM backup_run WHERE kind IN ('backup', 'drill') ORDER BY "
    "kind, id DESC) AS last), coalesce((SELECT bytes FROM backup_run WHERE "
    "kind = 'backup' AND state = 'done' ORDER BY id DESC LIMIT 1), 0) FROM "
    "backup_run";

int backups_look(struct backups *self, struct pp_err *err)
{
    struct pp_pg_rows rows;
    int result;

    if (self->is_asked && pp_mono_ms(self->asked, pp_mono_now()) < EVERY_MS)
        return 0;
    self->asked = pp_mono_now();
    self->is_asked = true;
    result = pp_pg_query_often(self->pg, sql, 0, NULL, &rows, err);
    if (result == 0) {
        pp_gauge_set(&age, pp_pg_int64(&rows, 0, 0));
        pp_gauge_set(&drill_age, pp_pg_int64(&rows, 0, 1));
        pp_gauge_set(&failed, pp_pg_bool(&rows, 0, 2));
        pp_gauge_set(&size, pp_pg_int64(&rows, 0, 3));
    }
    pp_pg_rows_fini(&rows);
    return result;
}
