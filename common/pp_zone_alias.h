#ifndef PP_ZONE_ALIAS_H
#define PP_ZONE_ALIAS_H

#include "pp_str.h"

/*
 * The name that took an old one's place: "America/New_York" for "US/Eastern".
 *
 * zones is the text of tzdata.zi, where lines "L TARGET NAME" link names to
 * others; countries is that of zone.tab, the names that a country goes by. A
 * name is old when it is linked to a name of zone.tab and is none itself. So
 * Europe/Vatican stays, which is linked to Rome, and so does UTC. [tzdata's
 * theory.html and the head of zone.tab]
 *
 * Returns name, or a part of zones. Only pp_zones uses it. Pure; safe from any
 * thread.
 */
struct pp_str pp_zone_alias(struct pp_str zones, struct pp_str countries,
                            struct pp_str name);

#endif
