#include "origins.h"

bool origins_allow(const struct pp_site *site, struct pp_str hostname)
{
    struct pp_str rest = site->origins, origin;

    if (pp_str_trim(rest).n == 0)
        return true;
    while (pp_str_split(&rest, ' ', &origin)) {
        if (origin.n == 0)
            continue;
        if (pp_str_eq_nocase(origin, hostname))
            return true;
        if (pp_str_starts(origin, PP_LIT("*.")) && hostname.n >= origin.n &&
            pp_str_eq_nocase(
                pp_str_sub(origin, 1, origin.n),
                pp_str_sub(hostname, hostname.n - origin.n + 1, origin.n)))
            return true;
    }
    return false;
}
