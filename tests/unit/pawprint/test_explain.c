/* What is said of an account's hits: a sentence for everything there is. */
#include "explain.h"

#include <string.h>

#include "pp_mem.h"
#include "test.h"

#define START INT64_C(1790812800000) /* 2026-10-01 00:00 UTC */
#define DAY   INT64_C(86400000)

static struct explained account(enum pp_capacity_state state)
{
    return (struct explained){
        .account = "acc",
        .plan = "FREE",
        .is_decided = true,
        .blocked_reason = "spam",
        .used = 5120,
        .now_ms = START + 15 * DAY,
        .capacity = {.state = state,
                     .limit = 5000,
                     .window_start_ms = START,
                     .window_end_ms = START + 31 * DAY,
                     .detected_at_ms = START + 3 * DAY,
                     .grace_ends_at_ms = START + 10 * DAY,
                     .reject_until_ms = START + 31 * DAY},
    };
}

static void says(const struct explained *is, const char *expected)
{
    struct pp_buf out;

    pp_buf_init(&out, 4096);
    explain(is, &out);
    pp_buf_add_byte(&out, '\0');
    assert_string_equal(out.p, expected);
    pp_buf_fini(&out);
}

static void a_refused_hit_has_its_numbers_and_its_cure(void **state)
{
    struct explained is = account(PP_CAPACITY_REJECTING);

    (void)state;
    is.site = "shop";
    is.site_status = "active";
    says(&is, "Hits of site shop are answered 402 capacity_exhausted until "
              "2026-11-01 00:00 UTC: 5120 of 5000 events (plan FREE) are used "
              "in the window from 2026-10-01 00:00 UTC to 2026-11-01 00:00 "
              "UTC, and the grace ended 2026-10-11 00:00 UTC. A larger plan, "
              "an override or a credit has them taken again within two "
              "seconds.");
}

static void a_grace_says_when_it_ends_and_what_it_waits_for(void **state)
{
    struct explained is = account(PP_CAPACITY_GRACE);

    (void)state;
#define GRACE                                                                  \
    "Hits of account acc are taken, in grace: 5120 of 5000 events (plan "      \
    "FREE) are used in the window from 2026-10-01 00:00 UTC to 2026-11-01 "    \
    "00:00 UTC. "
    is.capacity.grace_ends_at_ms = START + 20 * DAY;
    says(&is, GRACE "They are refused from 2026-10-21 00:00 UTC on, unless "
                    "usage is below the limit by then.");
    is.capacity.grace_ends_at_ms = START + 10 * DAY;
    says(&is, GRACE "The grace ended 2026-10-11 00:00 UTC; they are refused "
                    "once a fresh count confirms it.");
    is.capacity.grace_ends_at_ms = 0;
    says(&is, GRACE "The grace begins when the mail about it was handed over, "
                    "at the latest a day after 2026-10-04 00:00 UTC.");
}

static void staff_and_sites_come_before_capacity(void **state)
{
    struct explained is = account(PP_CAPACITY_REJECTING);

    (void)state;
    is.capacity.blocked = true;
    says(&is, "Hits of account acc are answered 403 account_blocked: staff "
              "blocked account acc (spam).");
    is.capacity.closed = true;
    says(&is, "Hits of account acc are answered 404 unknown_site: account acc "
              "is closed.");
    is.site = "shop";
    is.site_status = "paused";
    says(&is, "Hits of site shop are answered 404 unknown_site: the site is "
              "paused.");
}

static void what_is_taken_has_its_reason_too(void **state)
{
    struct explained is = account(PP_CAPACITY_OK);

    (void)state;
    is.used = 10;
    says(&is, "Hits of account acc are taken: 10 of 5000 events (plan FREE) "
              "are used in the window from 2026-10-01 00:00 UTC to 2026-11-01 "
              "00:00 UTC.");
    is.capacity.limit = PP_CAPACITY_UNLIMITED;
    says(&is, "Hits of account acc are taken: plan FREE or an override has no "
              "limit.");
    is.is_decided = false;
    says(&is, "Hits of account acc are taken: nothing was counted of the "
              "account yet.");
    is = account(PP_CAPACITY_REJECTING); /* the window is over */
    is.now_ms = START + 31 * DAY;
    says(&is, "Hits of account acc are taken: 5120 of 5000 events (plan FREE) "
              "are used in the window from 2026-10-01 00:00 UTC to 2026-11-01 "
              "00:00 UTC.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_hit_has_its_numbers_and_its_cure),
        cmocka_unit_test(a_grace_says_when_it_ends_and_what_it_waits_for),
        cmocka_unit_test(staff_and_sites_come_before_capacity),
        cmocka_unit_test(what_is_taken_has_its_reason_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
