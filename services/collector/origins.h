#ifndef ORIGINS_H
#define ORIGINS_H

#include "pp_sites.h"

/*
 * Whether a page on that host may send for the site: an entry of origins
 * allows itself and, with "*." before it, what is below it. Pure.
 */
bool origins_allow(const struct pp_site *site, struct pp_str hostname);

#endif
