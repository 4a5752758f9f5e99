#include "staff.h"

static bool has_ended(const struct staff *staff, int64_t now_ms)
{
    return !staff->told || now_ms - staff->held_ms >= STAFF_ENDS_MS;
}

bool staff_decide(struct staff *staff, bool holds, int64_t now_ms,
                  int64_t patience_ms)
{
    if (staff->since_ms && (!holds || staff->told) && has_ended(staff, now_ms))
        *staff = (struct staff){.episode = staff->episode};
    if (!holds)
        return false;
    if (!staff->since_ms)
        staff->since_ms = now_ms;
    staff->held_ms = now_ms;
    if (staff->told || now_ms - staff->since_ms < patience_ms)
        return false;
    staff->told = true;
    staff->episode++;
    return true;
}
