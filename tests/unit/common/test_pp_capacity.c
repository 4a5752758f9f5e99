/*
 * The state machine of capacity. E-numbers are the edge cases of
 * docs/capacity.md; those that need real servers are in
 * tests/integration/common/test_pp_capacity_pg.c and
 * tests/e2e/test_capacity.py.
 */
#include "pp_capacity.h"

#include <string.h>
#include <time.h>

#include "pp_mem.h"
#include "test.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define START  INT64_C(1790000000000) /* of the window; any instant will do */
#define END    (START + 30 * DAY)
#define FREE   5000
#define BASIC  50000

/* One account, and what is the case for it. */
struct account {
    struct pp_capacity is;
    struct pp_capacity_facts facts;
    struct pp_capacity_decision last;
};

static struct account account_new(int64_t used, int64_t limit)
{
    return (struct account){.is = pp_capacity_new(),
                            .facts = {.now_ms = START + DAY,
                                      .window_start_ms = START,
                                      .window_end_ms = END,
                                      .used = used,
                                      .limit = limit,
                                      .grace_ms = 7 * DAY,
                                      .is_confirmed = true,
                                      .clock_is_steady = true}};
}

static void decide(struct account *account)
{
    account->last = pp_capacity_decide(&account->is, &account->facts);
    account->is = account->last.next;
}

static void wait(struct account *account, int64_t ms)
{
    account->facts.now_ms += ms;
    decide(account);
}

static void hand_over(struct account *account)
{
    account->facts.handed_over_at_ms = account->facts.now_ms;
    decide(account);
}

static bool did(const struct account *account,
                enum pp_capacity_transition transition)
{
    for (size_t i = 0; i < account->last.step_count; i++)
        if (account->last.steps[i].transition == transition)
            return true;
    return false;
}

static bool is_taken(const struct account *account, int64_t at_ms)
{
    return pp_capacity_judge(account->is.state, account->is.blocked,
                             account->is.closed, account->is.reject_until_ms,
                             at_ms) == PP_CAPACITY_TAKE;
}

static void set_limit(struct account *account, int64_t limit)
{
    account->facts.limit = limit;
    /* The mail of the grace so far is not that of another grace. */
    decide(account);
    if (did(account, PP_CAPACITY_T5_FRESH_GRACE))
        account->facts.handed_over_at_ms = 0;
}

/* Over its limit of 5,000 and in grace; the mail is not out yet. */
static struct account in_grace(void)
{
    struct account account = account_new(0, FREE);

    decide(&account);
    account.facts.used = FREE;
    decide(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    return account;
}

static struct account rejecting(void)
{
    struct account account = in_grace();

    hand_over(&account);
    wait(&account, 7 * DAY);
    assert_int_equal(account.is.state, PP_CAPACITY_REJECTING);
    return account;
}

static void roll_over(struct account *account)
{
    account->facts.now_ms = account->facts.window_end_ms;
    account->facts.window_start_ms = account->facts.window_end_ms;
    account->facts.window_end_ms += 31 * DAY;
    account->facts.used = 0;
    account->facts.handed_over_at_ms = 0;
    decide(account);
}

/* --- from ok to grace ----------------------------------------------------- */

static void the_last_event_of_a_plan_depletes_it_and_is_taken(void **state)
{
    struct account account = account_new(FREE - 1, FREE); /* D2 */

    (void)state;
    decide(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    account.facts.used = FREE;
    decide(&account);
    assert_true(did(&account, PP_CAPACITY_T1_DEPLETED));
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_DEPLETED);
    assert_true(account.last.tell);
    assert_true(is_taken(&account, account.facts.now_ms));
}

static void
a_warning_is_sent_once_and_a_jump_sends_only_the_highest(void **state)
{
    struct account account = account_new(3999, FREE); /* D14 */

    (void)state;
    decide(&account);
    assert_int_equal(account.last.mails, 0);
    account.facts.used = 4000;
    decide(&account);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_WARNING_80);
    decide(&account);
    assert_int_equal(account.last.mails, 0);
    account = account_new(4500, FREE);
    decide(&account);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_WARNING_90);
    account.facts.used = 4400; /* a correction */
    decide(&account);
    assert_int_equal(account.last.mails, 0);
    account.facts.used = 9000;
    decide(&account);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_DEPLETED);
}

static void the_grace_runs_from_the_hand_over_of_the_mail(void **state)
{
    struct account account = in_grace(); /* D9, T1b */

    (void)state;
    wait(&account, 10 * HOUR); /* the relay is down */
    assert_int_equal(account.is.grace_ends_at_ms, 0);
    hand_over(&account);
    assert_true(did(&account, PP_CAPACITY_T1B_CLOCK_STARTED));
    assert_true(account.last.tell);
    assert_int_equal(account.is.grace_ends_at_ms,
                     account.facts.now_ms + 7 * DAY);
    wait(&account, 7 * DAY - 1);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    wait(&account, 1);
    assert_int_equal(account.is.state, PP_CAPACITY_REJECTING);
}

/* E40 */
static void without_any_hand_over_the_grace_runs_after_a_day(void **state)
{
    struct account account = in_grace();
    int64_t found_at = account.facts.now_ms;

    (void)state;
    wait(&account, DAY - 1);
    assert_int_equal(account.is.grace_ends_at_ms, 0);
    wait(&account, HOUR);
    assert_int_equal(account.is.grace_ends_at_ms, found_at + 8 * DAY);
    assert_int_equal(account.last.staff, PP_CAPACITY_STAFF_NO_HANDOVER);
    wait(&account, HOUR);
    assert_int_equal(account.last.staff, 0);
}

static void the_two_reminders_come_before_the_deadline(void **state)
{
    struct account account = in_grace();

    (void)state;
    hand_over(&account);
    wait(&account, 4 * DAY - 1);
    assert_int_equal(account.last.mails, 0);
    wait(&account, 1);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_REMINDER_72H);
    wait(&account, DAY);
    assert_int_equal(account.last.mails, 0);
    wait(&account, DAY);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_REMINDER_24H);
    wait(&account, DAY);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_REJECTING);
}

/* --- from grace to rejecting ---------------------------------------------- */

static void nobody_is_refused_without_a_fresh_count(void **state)
{
    struct account account = in_grace(); /* D10, E21 */

    (void)state;
    hand_over(&account);
    account.facts.is_confirmed = false; /* ClickHouse is down */
    wait(&account, 8 * DAY);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    assert_int_equal(account.last.staff, 0);
    wait(&account, 2 * DAY);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    assert_int_equal(account.last.staff, PP_CAPACITY_STAFF_UNCONFIRMED);
    account.facts.is_confirmed = true;
    wait(&account, MINUTE);
    assert_int_equal(account.is.state, PP_CAPACITY_REJECTING);
    assert_int_equal(account.is.reject_until_ms, END);
}

/* E16 */
static void nobody_is_refused_on_the_word_of_a_clock_that_jumped(void **state)
{
    struct account account = in_grace();

    (void)state;
    hand_over(&account);
    account.facts.clock_is_steady = false;
    wait(&account, 9 * DAY);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    account.facts.clock_is_steady = true;
    wait(&account, MINUTE);
    assert_int_equal(account.is.state, PP_CAPACITY_REJECTING);
    assert_false(pp_capacity_clock_is_steady(0, START));
    assert_true(pp_capacity_clock_is_steady(START, START + 15 * MINUTE));
    assert_false(pp_capacity_clock_is_steady(START, START + HOUR));
    assert_false(pp_capacity_clock_is_steady(START, START - HOUR));
}

/* E16 */
static void a_clock_that_is_set_back_makes_no_second_grace(void **state)
{
    struct account account = rejecting();

    (void)state;
    account.facts.now_ms -= 40 * DAY;
    account.facts.window_start_ms = START - 31 * DAY;
    account.facts.window_end_ms = START;
    decide(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_REJECTING);
    assert_int_equal(account.is.window_start_ms, START);
    assert_int_equal(account.last.mails, 0);
}

static void ten_times_the_limit_is_told_to_staff_and_still_taken(void **state)
{
    struct account account = in_grace(); /* D12 */

    (void)state;
    account.facts.used = 10 * FREE;
    decide(&account);
    assert_int_equal(account.last.staff, PP_CAPACITY_STAFF_TEN_TIMES);
    assert_true(is_taken(&account, account.facts.now_ms));
    decide(&account);
    assert_int_equal(account.last.staff, 0);
}

static void
a_ceiling_ends_a_grace_early_and_never_without_its_guards(void **state)
{
    static const struct {
        const char *when;
        int64_t used;
        bool is_out, is_confirmed, is_steady, refused;
    } cases[] = {
        {"usage is below it", 3 * FREE - 1, true, true, true, false},
        {"usage is at it", 3 * FREE, true, true, true, true},
        {"the mail is not out", 3 * FREE, false, true, true, false},
        {"nothing confirms it", 3 * FREE, true, false, true, false},
        {"the clock jumped", 3 * FREE, true, true, false, false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct account account = in_grace();

        if (cases[i].is_out)
            hand_over(&account);
        account.facts.ceiling = 3 * FREE;
        account.facts.used = cases[i].used;
        account.facts.is_confirmed = cases[i].is_confirmed;
        account.facts.clock_is_steady = cases[i].is_steady;
        wait(&account, MINUTE);
        if (did(&account, PP_CAPACITY_T3_CEILING) != cases[i].refused ||
            is_taken(&account, account.facts.now_ms) == cases[i].refused)
            fail_msg("when %s", cases[i].when);
    }
}

static void a_ceiling_takes_nobody_from_ok_to_rejecting(void **state)
{
    struct account account = account_new(100 * FREE, FREE);

    (void)state;
    account.facts.ceiling = 3 * FREE;
    decide(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    decide(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
}

/* --- another limit -------------------------------------------------------- */

/* E1 */
static void an_upgrade_in_grace_above_usage_ends_it(void **state)
{
    struct account account = in_grace();

    (void)state;
    hand_over(&account);
    set_limit(&account, BASIC);
    assert_true(did(&account, PP_CAPACITY_T2_WITHIN_AGAIN));
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_RESTORED);
    wait(&account, 6 * DAY); /* the reminders are off */
    assert_int_equal(account.last.mails, 0);
}

static void nothing_is_restored_by_mail_that_was_not_taken_by_mail(void **state)
{
    struct account account = in_grace(); /* T2 */

    (void)state;
    set_limit(&account, BASIC);
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    assert_int_equal(account.last.mails, 0);
}

/* E2 */
static void an_upgrade_while_rejecting_above_usage_takes_at_once(void **state)
{
    struct account account = rejecting();

    (void)state;
    assert_false(is_taken(&account, account.facts.now_ms));
    set_limit(&account, BASIC);
    assert_true(did(&account, PP_CAPACITY_T4_ACCEPTED_AGAIN));
    assert_true(account.last.tell);
    assert_true(is_taken(&account, account.facts.now_ms));
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_RESTORED);
}

/* E3 */
static void an_upgrade_below_usage_gives_a_fresh_grace(void **state)
{
    struct account account = rejecting();

    (void)state;
    account.facts.used = 60000;
    set_limit(&account, BASIC);
    assert_true(did(&account, PP_CAPACITY_T5_FRESH_GRACE));
    assert_true(is_taken(&account, account.facts.now_ms));
    assert_int_equal(account.is.grace_ends_at_ms, 0);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_DEPLETED);
    hand_over(&account);
    assert_int_equal(account.is.grace_ends_at_ms,
                     account.facts.now_ms + 7 * DAY);
}

static void no_window_has_a_third_grace(void **state)
{
    struct account account = rejecting(); /* D8 */

    (void)state;
    account.facts.used = 60000;
    set_limit(&account, BASIC); /* the second */
    hand_over(&account);
    wait(&account, 7 * DAY);
    assert_int_equal(account.is.state, PP_CAPACITY_REJECTING);
    set_limit(&account, BASIC + 1); /* no third */
    assert_int_equal(account.is.state, PP_CAPACITY_REJECTING);
    set_limit(&account, 100000);
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    account.facts.handed_over_at_ms = 0;
    set_limit(&account, FREE); /* over again: the deadline is the last one's */
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    assert_int_equal(account.is.grace_ends_at_ms, account.facts.now_ms);
    wait(&account, MINUTE); /* but never before its own mail is out */
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    hand_over(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_REJECTING);
}

static void a_count_that_goes_up_and_down_gets_no_second_grace(void **state)
{
    struct account account = in_grace(); /* D8 */
    int64_t deadline;

    (void)state;
    hand_over(&account);
    deadline = account.is.grace_ends_at_ms;
    account.facts.used = FREE - 1; /* a correction */
    wait(&account, DAY);
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    account.facts.used = FREE;
    wait(&account, DAY);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    assert_int_equal(account.is.grace_ends_at_ms, deadline);
}

/* E4, E7, E35 */
static void a_downgrade_below_usage_gives_grace_and_never_refuses(void **state)
{
    struct account account = account_new(30000, BASIC);

    (void)state;
    decide(&account);
    set_limit(&account, FREE);
    assert_true(did(&account, PP_CAPACITY_T6_LIMIT_LOWERED));
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_DEPLETED);
    wait(&account, MINUTE);
    assert_true(is_taken(&account, account.facts.now_ms));
}

/* E5, E6 */
static void a_change_that_is_only_planned_changes_nothing(void **state)
{
    struct account account = account_new(30000, BASIC);
    struct pp_capacity before;

    (void)state;
    decide(&account);
    before = account.is;
    wait(&account, HOUR); /* a pending plan is no fact of the window */
    assert_memory_equal(&before, &account.is, sizeof(before));
    assert_int_equal(account.last.step_count, 0);
    assert_false(account.last.tell);
}

static void another_limit_in_grace_keeps_the_deadline(void **state)
{
    struct account account = in_grace(); /* T7 */
    int64_t deadline;

    (void)state;
    account.facts.used = 70000;
    hand_over(&account);
    deadline = account.is.grace_ends_at_ms;
    set_limit(&account, BASIC);
    assert_true(did(&account, PP_CAPACITY_T7_STILL_OVER));
    assert_int_equal(account.is.grace_ends_at_ms, deadline);
    set_limit(&account, 100);
    assert_int_equal(account.is.grace_ends_at_ms, deadline);
    assert_int_equal(account.is.limit_version, 3);
    assert_int_equal(account.last.mails & PP_CAPACITY_MAIL_DEPLETED, 0);
}

/* E34 */
static void a_credit_of_events_ends_grace_and_refusal(void **state)
{
    struct account account = in_grace();

    (void)state;
    set_limit(&account, FREE + 1000);
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    account = rejecting();
    set_limit(&account, FREE + 1000);
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    assert_int_equal(account.is.limit_version, 2);
}

/* E33 */
static void a_limit_of_nothing_gives_every_window_its_grace(void **state)
{
    struct account account = account_new(0, 0);

    (void)state;
    decide(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    hand_over(&account);
    wait(&account, 7 * DAY);
    assert_int_equal(account.is.state, PP_CAPACITY_REJECTING);
    roll_over(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    assert_true(account.last.mails & PP_CAPACITY_MAIL_DEPLETED);
}

/* E33 */
static void an_unlimited_account_is_always_taken(void **state)
{
    struct account account = account_new(INT64_MAX, PP_CAPACITY_UNLIMITED);

    (void)state;
    decide(&account);
    wait(&account, 20 * DAY);
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    account = rejecting();
    set_limit(&account, PP_CAPACITY_UNLIMITED);
    assert_true(did(&account, PP_CAPACITY_T9_EXEMPT));
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    account.facts.handed_over_at_ms = 0;
    set_limit(&account, FREE); /* and back: as T1, never refused at once */
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
}

/* E33 */
static void limits_beyond_two_to_the_53_are_exact(void **state)
{
    const int64_t limit = (INT64_C(1) << 62) + 1;
    struct account account = account_new(limit - 1, limit);

    (void)state;
    decide(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    account.facts.used = limit;
    decide(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
}

/* --- a new window --------------------------------------------------------- */

/* E9 */
static void
a_new_window_ends_the_grace_and_may_send_the_mail_again(void **state)
{
    struct account account = in_grace();

    (void)state;
    hand_over(&account);
    roll_over(&account);
    assert_true(did(&account, PP_CAPACITY_T8_NEW_WINDOW));
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    assert_int_equal(account.last.mails, 0);
    account.facts.used = FREE;
    decide(&account);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_DEPLETED);
    assert_int_equal(account.is.graces, 1);
}

/* E10 */
static void
a_refused_account_is_taken_from_the_first_millisecond_of_the_new_window(
    void **state)
{
    struct account account = rejecting();

    (void)state;
    assert_false(is_taken(&account, END - 1));
    assert_true(is_taken(&account, END)); /* though nobody decided anything */
    roll_over(&account);
    assert_int_equal(account.is.state, PP_CAPACITY_OK);
    assert_int_equal(account.is.reject_until_ms, 0);
    assert_int_equal(account.last.mails, PP_CAPACITY_MAIL_RESTORED);
}

/* --- blocked and closed --------------------------------------------------- */

/* E31 */
static void a_blocked_account_is_refused_at_once_and_told_to_staff(void **state)
{
    struct account account = account_new(0, FREE);

    (void)state;
    decide(&account);
    account.facts.blocked = true;
    decide(&account);
    assert_true(did(&account, PP_CAPACITY_T10_BLOCKED));
    assert_true(account.last.tell);
    assert_int_equal(account.last.staff, PP_CAPACITY_STAFF_BLOCKED);
    assert_int_equal(pp_capacity_judge(account.is.state, true, false, 0, START),
                     PP_CAPACITY_BLOCKED);
    account.facts.blocked = false;
    decide(&account);
    assert_true(is_taken(&account, START));
}

/* E30 */
static void a_restored_account_is_as_it_was_and_its_clocks_stood(void **state)
{
    struct account account = in_grace();
    int64_t deadline;

    (void)state;
    hand_over(&account);
    deadline = account.is.grace_ends_at_ms;
    account.facts.closed = true;
    wait(&account, DAY);
    assert_int_equal(pp_capacity_judge(account.is.state, true, true, 0, START),
                     PP_CAPACITY_CLOSED);
    wait(&account, 10 * DAY); /* nothing runs out meanwhile */
    assert_int_equal(account.is.state, PP_CAPACITY_GRACE);
    account.facts.closed = false;
    wait(&account, DAY);
    assert_true(did(&account, PP_CAPACITY_T11_RESTORED));
    assert_int_equal(account.is.grace_ends_at_ms, deadline + 11 * DAY);
    assert_true(is_taken(&account, account.facts.now_ms));
}

static void
a_mail_that_went_out_while_blocked_starts_the_clock_at_the_unblocking(
    void **state)
{
    struct account account = in_grace();

    (void)state;
    account.facts.blocked = true;
    wait(&account, HOUR);
    hand_over(&account);
    assert_int_equal(account.is.grace_ends_at_ms, 0);
    account.facts.blocked = false;
    wait(&account, 5 * DAY);
    assert_int_equal(account.is.grace_ends_at_ms,
                     account.facts.now_ms + 7 * DAY);
}

/* --- what is told --------------------------------------------------------- */

static void what_stands_is_told_again_every_six_hours(void **state)
{
    struct account account = account_new(0, FREE);

    (void)state;
    decide(&account);
    assert_true(account.last.tell);
    wait(&account, 6 * HOUR - 1);
    assert_false(account.last.tell);
    assert_int_equal(account.is.version, 1);
    wait(&account, 1);
    assert_true(account.last.tell);
    assert_int_equal(account.is.version, 2);
}

static void the_next_look_is_at_the_next_warning_or_at_the_limit(void **state)
{
    static const struct {
        int64_t used, limit, left;
    } cases[] = {{0, 5000, 4000},    {3999, 5000, 1},        {4000, 5000, 500},
                 {4500, 5000, 500},  {4999, 5000, 1},        {0, 1, 1},
                 {9, -1, INT64_MAX}, {5000, 5000, INT64_MAX}};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct account account = account_new(cases[i].used, cases[i].limit);

        decide(&account);
        assert_int_equal(pp_capacity_left(&account.is, cases[i].used),
                         cases[i].left);
    }
}

/* --- usage windows -------------------------------------------------------- */

static int64_t utc(int year, int month, int day, int hour)
{
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour};

    return (int64_t)timegm(&tm) * 1000;
}

/* E11, E12 */
static void
windows_begin_at_the_anchors_day_or_the_last_of_the_month(void **state)
{
    static const struct {
        const char *when;
        int anchor[4], now[4], start[4], end[4];
    } cases[] = {
        {"the 31st, into February",
         {2026, 1, 31, 12},
         {2026, 2, 28, 12},
         {2026, 2, 28, 12},
         {2026, 3, 31, 12}},
        {"an hour before",
         {2026, 1, 31, 12},
         {2026, 2, 28, 11},
         {2026, 1, 31, 12},
         {2026, 2, 28, 12}},
        {"not chained from February",
         {2026, 1, 31, 0},
         {2026, 4, 15, 0},
         {2026, 3, 31, 0},
         {2026, 4, 30, 0}},
        {"a leap year",
         {2028, 1, 31, 0},
         {2028, 2, 29, 5},
         {2028, 2, 29, 0},
         {2028, 3, 31, 0}},
        {"the 29th of February, a year on",
         {2028, 2, 29, 0},
         {2029, 3, 1, 0},
         {2029, 2, 28, 0},
         {2029, 3, 29, 0}},
        {"2100 is no leap year",
         {2099, 12, 30, 6},
         {2100, 3, 1, 0},
         {2100, 2, 28, 6},
         {2100, 3, 30, 6}},
        {"before the anchor",
         {2026, 3, 31, 0},
         {2026, 3, 1, 0},
         {2026, 2, 28, 0},
         {2026, 3, 31, 0}},
    };
    int64_t start, end;

    (void)state;
#define AT(x) utc((x)[0], (x)[1], (x)[2], (x)[3])
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        pp_capacity_window(AT(cases[i].anchor), AT(cases[i].now), &start, &end);
        if (start != AT(cases[i].start) || end != AT(cases[i].end))
            fail_msg("when %s", cases[i].when);
    }
}

/* Month by month by the C library's calendar. E12: 12 anchors times 900. */
static void
every_window_from_2024_to_2099_is_what_the_calendar_says(void **state)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30,
                                  31, 31, 30, 31, 30, 31};
    int64_t start, end, expected[2];
    int cases = 0;

    (void)state;
    for (int day = 20; day <= 31; day++) {
        int64_t anchor = utc(2024, 1, day, 17);

        for (int m = 0; m < 900; m++, cases++) {
            for (int k = 0; k < 2; k++) {
                int year = 2024 + (m + k) / 12, month = (m + k) % 12;
                int last = lengths[month] + (month == 1 && year % 4 == 0);

                expected[k] = utc(year, month + 1, day < last ? day : last, 17);
            }
            for (int k = 0; k < 2; k++) {
                pp_capacity_window(anchor, k ? expected[1] - 1 : expected[0],
                                   &start, &end);
                assert_int_equal(start, expected[0]);
                assert_int_equal(end, expected[1]);
            }
        }
    }
    assert_int_equal(cases, 10800);
}

/* --- the model ------------------------------------------------------------ */

#define SEQUENCES 1000000
#define STEPS     16

static uint64_t dice = 7; /* SplitMix64 */

static uint64_t throw_dice(void)
{
    uint64_t x = dice += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static int64_t one_of(const int64_t *list, size_t count)
{
    return list[throw_dice() % count];
}

/* Something happens to the account, or nothing but time. */
static void happen(struct pp_capacity_facts *facts)
{
    static const int64_t limits[] = {0, 10, 100, 1000, PP_CAPACITY_UNLIMITED};
    static const int64_t uses[] = {0, 5, 10, 50, 100, 500, 1000, 20000};
    static const int64_t waits[] = {0,   1,       MINUTE,  HOUR,
                                    DAY, 2 * DAY, 7 * DAY, 31 * DAY};
    static const int64_t graces[] = {0, DAY, 7 * DAY, 31 * DAY};

    facts->now_ms += one_of(waits, PP_COUNT(waits));
    switch (throw_dice() % 8) {
    case 0:
        facts->limit = one_of(limits, PP_COUNT(limits));
        break;
    case 1:
    case 2:
        facts->used = one_of(uses, PP_COUNT(uses));
        break;
    case 3:
        facts->blocked = throw_dice() % 2;
        break;
    case 4:
        facts->closed = throw_dice() % 4 == 0;
        break;
    case 5:
        facts->is_confirmed = !facts->is_confirmed;
        break;
    case 6:
        facts->clock_is_steady = !facts->clock_is_steady;
        break;
    default:
        facts->grace_ms = one_of(graces, PP_COUNT(graces));
        break;
    }
    if (facts->now_ms >= facts->window_end_ms) {
        pp_capacity_window(START, facts->now_ms, &facts->window_start_ms,
                           &facts->window_end_ms);
        facts->used = 0;
    }
}

/* What may never be, whatever happened. */
static void check(const struct pp_capacity *before,
                  const struct pp_capacity_facts *facts,
                  const struct pp_capacity_decision *decision)
{
    const struct pp_capacity *after = &decision->next;
    bool over =
        facts->limit != PP_CAPACITY_UNLIMITED && facts->used >= facts->limit;

    for (size_t i = 0; i < decision->step_count; i++) {
        const struct pp_capacity_step *step = &decision->steps[i];

        if (step->to == PP_CAPACITY_REJECTING &&
            step->from != PP_CAPACITY_REJECTING)
            assert_int_equal(step->from, PP_CAPACITY_GRACE);
    }
    if (after->state == PP_CAPACITY_REJECTING &&
        before->state != PP_CAPACITY_REJECTING) {
        assert_int_equal(before->state, PP_CAPACITY_GRACE);
        assert_true(over && facts->is_confirmed && facts->clock_is_steady);
        assert_false(after->blocked || after->closed);
        assert_true(before->detected_at_ms > 0);
        assert_true(facts->now_ms >= after->grace_ends_at_ms);
        assert_true(facts->handed_over_at_ms ||
                    facts->now_ms - after->detected_at_ms >= DAY);
        assert_int_equal(before->window_start_ms, facts->window_start_ms);
        assert_true(after->mailed & PP_CAPACITY_MAIL_REJECTING);
    }
    if (after->state == PP_CAPACITY_REJECTING)
        assert_int_equal(after->reject_until_ms, facts->window_end_ms);
    if (!over)
        assert_int_equal(after->state, PP_CAPACITY_OK);
    assert_true(after->graces <= 2);
    assert_int_equal(after->version, before->version + decision->tell);
    if (after->state != before->state || after->blocked != before->blocked ||
        after->closed != before->closed)
        assert_true(decision->tell);
}

static void
no_sequence_leads_from_ok_to_rejecting_without_a_whole_grace(void **state)
{
    int64_t entered[3] = {0};

    (void)state;
    for (int i = 0; i < SEQUENCES; i++) {
        struct account account = account_new(0, 100);
        int64_t clock_started_at = 0, grace_ms = 0;

        for (int k = 0; k < STEPS; k++) {
            struct pp_capacity before = account.is;

            happen(&account.facts);
            if (before.state == PP_CAPACITY_GRACE && throw_dice() % 2 &&
                !account.facts.handed_over_at_ms)
                account.facts.handed_over_at_ms = account.facts.now_ms;
            decide(&account);
            check(&before, &account.facts, &account.last);
            entered[account.is.state] += account.is.state != before.state;
            if (account.is.grace_version != before.grace_version)
                account.facts.handed_over_at_ms = 0;
            if (did(&account, PP_CAPACITY_T1B_CLOCK_STARTED)) {
                grace_ms = account.facts.grace_ms;
                clock_started_at = account.is.grace_ends_at_ms - grace_ms;
            }
            /* No grace is ever shorter than it was when its clock began. */
            if (did(&account, PP_CAPACITY_T3_GRACE_OVER)) {
                assert_true(clock_started_at > 0);
                assert_true(account.facts.now_ms - clock_started_at >=
                            grace_ms);
            }
        }
    }
    print_message("entered: %lld ok, %lld grace, %lld rejecting\n",
                  (long long)entered[0], (long long)entered[1],
                  (long long)entered[2]);
    for (size_t i = 0; i < PP_COUNT(entered); i++)
        assert_true(entered[i] > SEQUENCES / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_look_is_at_the_next_warning_or_at_the_limit),
        cmocka_unit_test(the_last_event_of_a_plan_depletes_it_and_is_taken),
        cmocka_unit_test(
            a_warning_is_sent_once_and_a_jump_sends_only_the_highest),
        cmocka_unit_test(the_grace_runs_from_the_hand_over_of_the_mail),
        cmocka_unit_test(without_any_hand_over_the_grace_runs_after_a_day),
        cmocka_unit_test(the_two_reminders_come_before_the_deadline),
        cmocka_unit_test(nobody_is_refused_without_a_fresh_count),
        cmocka_unit_test(nobody_is_refused_on_the_word_of_a_clock_that_jumped),
        cmocka_unit_test(a_clock_that_is_set_back_makes_no_second_grace),
        cmocka_unit_test(ten_times_the_limit_is_told_to_staff_and_still_taken),
        cmocka_unit_test(
            a_ceiling_ends_a_grace_early_and_never_without_its_guards),
        cmocka_unit_test(a_ceiling_takes_nobody_from_ok_to_rejecting),
        cmocka_unit_test(an_upgrade_in_grace_above_usage_ends_it),
        cmocka_unit_test(
            nothing_is_restored_by_mail_that_was_not_taken_by_mail),
        cmocka_unit_test(an_upgrade_while_rejecting_above_usage_takes_at_once),
        cmocka_unit_test(an_upgrade_below_usage_gives_a_fresh_grace),
        cmocka_unit_test(no_window_has_a_third_grace),
        cmocka_unit_test(a_count_that_goes_up_and_down_gets_no_second_grace),
        cmocka_unit_test(a_downgrade_below_usage_gives_grace_and_never_refuses),
        cmocka_unit_test(a_change_that_is_only_planned_changes_nothing),
        cmocka_unit_test(another_limit_in_grace_keeps_the_deadline),
        cmocka_unit_test(a_credit_of_events_ends_grace_and_refusal),
        cmocka_unit_test(a_limit_of_nothing_gives_every_window_its_grace),
        cmocka_unit_test(an_unlimited_account_is_always_taken),
        cmocka_unit_test(limits_beyond_two_to_the_53_are_exact),
        cmocka_unit_test(
            a_new_window_ends_the_grace_and_may_send_the_mail_again),
        cmocka_unit_test(
            a_refused_account_is_taken_from_the_first_millisecond_of_the_new_window),
        cmocka_unit_test(
            a_blocked_account_is_refused_at_once_and_told_to_staff),
        cmocka_unit_test(a_restored_account_is_as_it_was_and_its_clocks_stood),
        cmocka_unit_test(
            a_mail_that_went_out_while_blocked_starts_the_clock_at_the_unblocking),
        cmocka_unit_test(what_stands_is_told_again_every_six_hours),
        cmocka_unit_test(
            windows_begin_at_the_anchors_day_or_the_last_of_the_month),
        cmocka_unit_test(
            every_window_from_2024_to_2099_is_what_the_calendar_says),
        cmocka_unit_test(
            no_sequence_leads_from_ok_to_rejecting_without_a_whole_grace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
