#ifndef PP_ZONES_H
#define PP_ZONES_H

#include <stdbool.h>
#include <stddef.h>

#include "pp_err.h"
#include "pp_str.h"
#include "pp_zone.h"

/*
 * The system's time zones by their names, "Europe/Berlin": the files that the
 * package tzdata has in one folder.
 *
 * At most max_count zones are kept in memory; the one that was not asked for
 * longest makes place. A zone is looked up again when recheck_ms have passed,
 * so what a package upgrade brings is there after that, without a restart.
 * When its file then can't be read, the zone stays as it was. Safe from any
 * thread.
 */
#define PP_ZONES_FOLDER "/usr/share/zoneinfo"

/* No name is longer, with its end. */
#define PP_ZONE_NAME_BYTES 64

struct pp_zones;

/* PP_ERR_FATAL: the folder has no zone called UTC, so tzdata is missing. */
int pp_zones_open(struct pp_zones **zones_out, const char *folder,
                  size_t max_count, int recheck_ms, struct pp_err *err);
void pp_zones_close(struct pp_zones **zones);

/*
 * The zone of that name; the caller frees it, also after the zones are closed.
 * PP_ERR_INVALID: there is no such zone. PP_ERR_AGAIN: its file can't be read.
 */
int pp_zones_get(struct pp_zones *zones, struct pp_str name,
                 struct pp_zone **zone_out, struct pp_err *err);

/*
 * Whether it may be the name of a zone: letters, digits, "+", "-" and "_" in
 * parts that begin with a letter and are joined by "/". Nothing that leads out
 * of the folder is, nor what lies there and means the machine's own zone.
 */
bool pp_zone_name_ok(struct pp_str name);

/*
 * The name by which tzdata now knows a zone, "America/New_York" for
 * "US/Eastern" (pp_zone_alias.h); or the same name, also when it is no zone's.
 * PP_ERR_INVALID: it can't be a name. Reads files, so ask when a zone is
 * chosen, not when it is used.
 */
int pp_zones_canonical(const struct pp_zones *zones, struct pp_str name,
                       char canonical[static PP_ZONE_NAME_BYTES],
                       struct pp_err *err);

/* What release of tzdata the folder says it has, "2025b"; or "unknown". */
#define PP_ZONES_RELEASE_BYTES 16
void pp_zones_release(const struct pp_zones *zones,
                      char release[static PP_ZONES_RELEASE_BYTES]);

#endif
