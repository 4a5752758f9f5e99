#include "pp_job_rule.h"

const char *pp_job_catch_up_name(enum pp_job_catch_up catch_up)
{
    static const char *const names[] = {
        [PP_JOB_LATEST] = "latest",
        [PP_JOB_ALL] = "all",
        [PP_JOB_NONE] = "none",
        [PP_JOB_MUST] = "must",
    };

    return names[catch_up];
}

bool pp_job_rule_next(const struct pp_job_rule *rule, int64_t after_ms,
                      int64_t *at_ms_out)
{
    int64_t every_ms = rule->every_s * INT64_C(1000);

    if (every_ms == 0)
        return pp_cron_next(&rule->cron, rule->zone, after_ms, at_ms_out);
    *at_ms_out = (after_ms / every_ms + 1) * every_ms;
    return true;
}

bool pp_job_is_wanted(enum pp_job_catch_up catch_up, int window_s,
                      int64_t at_ms, int64_t next_ms, int64_t now_ms)
{
    int64_t late_ms = now_ms - at_ms;

    switch (catch_up) {
    case PP_JOB_LATEST:
        return next_ms > now_ms;
    case PP_JOB_ALL:
        return late_ms <= window_s * INT64_C(1000);
    case PP_JOB_NONE:
        return next_ms > now_ms &&
               late_ms <=
                   (window_s ? window_s : PP_JOB_NONE_WINDOW_S) * INT64_C(1000);
    case PP_JOB_MUST:
        return true;
    }
    return true;
}
