#include "pp_rate.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"

#define SECOND_NS INT64_C(1000000000)
#define START_NS  (1000 * SECOND_NS) /* any instant will do */

static struct pp_rate_rules rules_of(const char *text)
{
    struct pp_rate_rules rules;
    struct pp_err err = {0};

    if (pp_rate_parse(text, &rules, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return rules;
}

/* Takes one; what it returns is how long to wait. */
static int64_t take(struct pp_rate *rate, const struct pp_rate_rules *rules,
                    uint64_t subject, int64_t now_ns)
{
    const struct pp_rate_ask ask = {rules, subject};
    size_t refused;

    return pp_rate_take(rate, &ask, 1, now_ns, &refused);
}

static void a_rule_says_how_many_in_how_long(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        int64_t first_count, first_s;
    } cases[] = {
        {"5/m", 1, 5, 60},
        {"100/s", 1, 100, 1},
        {"1000000/s", 1, 1000000, 1},
        {"100/s, 5000/m", 2, 100, 1},
        {"5000/m,100/s", 2, 5000, 60},
        {"1/d 2/h", 2, 1, 86400},
        {"1/s 2/m 3/h 4/d", 4, 1, 1},
        {"off", 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_rate_rules rules = rules_of(cases[i].text);

        if (rules.count != cases[i].count ||
            (rules.count > 0 &&
             (rules.list[0].count != cases[i].first_count ||
              rules.list[0].period_ns != cases[i].first_s * SECOND_NS)))
            fail_msg("%s", cases[i].text);
        assert_null(pp_rate_wrong(cases[i].text));
    }
}

static void what_is_no_rule_is_refused(void **state)
{
    static const char *const texts[] = {
        "",      "5",      "m",       "5/",
        "/m",    "5/x",    "5/mm",    "0/m",
        "-1/m",  "5 /m",   "5/m off", "1000001/s",
        "5/m/s", "five/m", ",",       "1/s 1/m 1/h 1/d 2/d"};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(texts); i++) {
        struct pp_rate_rules rules;
        struct pp_err err = {0};

        if (pp_rate_parse(texts[i], &rules, &err) == 0 ||
            err.kind != PP_ERR_INVALID || !pp_rate_wrong(texts[i]))
            fail_msg("'%s' was taken", texts[i]);
    }
}

static void
five_a_minute_are_five_at_once_and_one_each_twelve_seconds(void **state)
{
    static const struct {
        const char *when;
        int64_t at_ms;
        int64_t wait_ms;
    } cases[] = {
        {"the first", 0, 0},
        {"the second", 0, 0},
        {"the third", 1, 0},
        {"the fourth", 1, 0},
        {"the fifth", 2, 0},
        {"the bucket is empty", 2, 11998},
        {"what was refused has taken nothing", 3, 11997},
        {"a millisecond is missing", 11999, 1},
        {"there is one again", 12000, 0},
        {"and no second one", 12000, 12000},
        {"two have come", 36000, 0},
        {"that was the other", 36000, 0},
        {"it is empty again", 36000, 12000},
        {"a minute of rest fills it", 108000, 0},
        {"of five the second", 108000, 0},
        {"of five the third", 108000, 0},
        {"of five the fourth", 108000, 0},
        {"of five the fifth", 108000, 0},
        {"and no more than five", 108000, 12000},
        {"a year has passed", 31536000000, 0},
    };
    struct pp_rate *rate = pp_rate_new(64);
    struct pp_rate_rules rules = rules_of("5/m");

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        int64_t wait_ns =
            take(rate, &rules, 1, START_NS + cases[i].at_ms * 1000000);

        if (wait_ns != cases[i].wait_ms * 1000000)
            fail_msg("when %s: waits %lld ms, not %lld", cases[i].when,
                     (long long)wait_ns / 1000000, (long long)cases[i].wait_ms);
    }
    pp_rate_free(&rate);
}

static void subjects_do_not_share(void **state)
{
    struct pp_rate *rate = pp_rate_new(64);
    struct pp_rate_rules rules = rules_of("1/m");

    (void)state;
    assert_int_equal(take(rate, &rules, 1, START_NS), 0);
    assert_int_equal(take(rate, &rules, 2, START_NS), 0);
    assert_true(take(rate, &rules, 1, START_NS) > 0);
    assert_true(take(rate, &rules, 2, START_NS) > 0);
    pp_rate_free(&rate);
}

static void of_several_rules_all_have_to_allow_it(void **state)
{
    struct pp_rate *rate = pp_rate_new(64);
    struct pp_rate_rules rules = rules_of("2/s, 3/m");

    (void)state;
    assert_int_equal(take(rate, &rules, 1, START_NS), 0);
    assert_int_equal(take(rate, &rules, 1, START_NS), 0);
    assert_int_equal(take(rate, &rules, 1, START_NS), SECOND_NS / 2);
    assert_int_equal(take(rate, &rules, 1, START_NS + SECOND_NS), 0);
    assert_int_equal(take(rate, &rules, 1, START_NS + SECOND_NS),
                     19 * SECOND_NS); /* the third of a minute */
    pp_rate_free(&rate);
}

static void of_several_subjects_all_are_taken_or_none(void **state)
{
    struct pp_rate *rate = pp_rate_new(64);
    struct pp_rate_rules many = rules_of("10/m"), one = rules_of("1/m");
    const struct pp_rate_ask asks[] = {{&many, 1}, {&one, 2}};
    size_t refused = 9, i;

    (void)state;
    assert_int_equal(pp_rate_take(rate, asks, 2, START_NS, &refused), 0);
    for (i = 0; i < 50; i++) {
        assert_true(pp_rate_take(rate, asks, 2, START_NS, &refused) > 0);
        assert_int_equal(refused, 1);
    }
    for (i = 0; take(rate, &many, 1, START_NS) == 0; i++)
        continue;
    assert_int_equal(i, 9); /* the refused ones took none of the ten */
    pp_rate_free(&rate);
}

static void without_a_rule_all_is_allowed(void **state)
{
    struct pp_rate *rate = pp_rate_new(64);
    struct pp_rate_rules rules = rules_of("off");

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(take(rate, &rules, 1, START_NS), 0);
    pp_rate_free(&rate);
}

static void at_any_load_the_rate_holds(void **state)
{
    static const char *const texts[] = {
        "5/m", "600/m", "100/s", "7/s", "5000/m", "30000/s", "3/h", "100000/d"};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(texts); i++) {
        struct pp_rate *rate = pp_rate_new(64);
        struct pp_rate_rules rules = rules_of(texts[i]);
        int64_t step_ns = rules.list[0].period_ns / rules.list[0].count / 7;
        int64_t periods = 3, taken = 0;

        for (int64_t at = 0; at < periods * rules.list[0].period_ns;
             at += step_ns)
            taken += take(rate, &rules, 1, START_NS + at) == 0;
        if (llabs(taken - (periods + 1) * rules.list[0].count) >
            1 + taken / 100)
            fail_msg("%s: %lld in %lld periods", texts[i], (long long)taken,
                     (long long)periods);
        pp_rate_free(&rate);
    }
}

/* A million others come by; memory is that of the start by construction. */
static void who_is_at_its_limit_stays_there_among_a_million_others(void **state)
{
    struct pp_rate *rate = pp_rate_new(4096);
    struct pp_rate_rules rules = rules_of("5/m");
    uint64_t other = 88172645463325252u;

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(rate, &rules, 42, START_NS), 0);
    for (int i = 0; i < 1000000; i++) {
        other ^= other << 13, other ^= other >> 7, other ^= other << 17;
        take(rate, &rules, other, START_NS + i);
    }
    assert_true(take(rate, &rules, 42, START_NS + SECOND_NS) > 0);
    assert_true(pp_rate_evicted_count(rate) > 900000);
    pp_rate_free(&rate);
}

/* --- counting together ---------------------------------------------------- */

#define MEMBERS_MAX 8

/* What Redis does in pp_limit_share.c, for one subject. */
struct shared {
    int64_t full_us;
};

static void exchange(struct pp_rate *rate, struct shared *shared,
                     int64_t now_ns)
{
    struct pp_rate_share shares[16];
    size_t n = pp_rate_unshared(rate, shares, PP_COUNT(shares), now_ns);
    int64_t now_us = now_ns / 1000;

    for (size_t i = 0; i < n; i++) {
        if (shared->full_us < now_us - shares[i].age_us)
            shared->full_us = now_us - shares[i].age_us;
        shared->full_us += shares[i].amount_us;
        if (shared->full_us > now_us + shares[i].most_us)
            shared->full_us = now_us + shares[i].most_us;
        shares[i].level_us =
            shared->full_us > now_us ? shared->full_us - now_us : 0;
    }
    pp_rate_shared(rate, shares, n, now_ns);
}

/* How many of all members are allowed in so many periods, each asking seven
 * times as often as the rule allows, in turn, and telling each 10 ms. */
static int64_t allowed_together(const struct pp_rate_rules *rules,
                                size_t members, int64_t periods)
{
    struct pp_rate *rates[MEMBERS_MAX];
    struct shared shared = {0};
    int64_t step_ns = rules->list[0].period_ns / rules->list[0].count / 7;
    int64_t allowed = 0, told_ns = 0;

    for (size_t i = 0; i < members; i++)
        rates[i] = pp_rate_new(64);
    for (int64_t at = 0; at < periods * rules->list[0].period_ns;
         at += step_ns) {
        for (size_t i = 0; i < members; i++)
            allowed += take(rates[i], rules, 1, START_NS + at) == 0;
        for (size_t i = 0; at - told_ns >= SECOND_NS / 100 && i < members; i++)
            exchange(rates[i], &shared, START_NS + at);
        if (at - told_ns >= SECOND_NS / 100)
            told_ns = at;
    }
    for (size_t i = 0; i < members; i++)
        pp_rate_free(&rates[i]);
    return allowed;
}

static void several_together_allow_what_one_would(void **state)
{
    static const struct {
        const char *text;
        size_t members;
    } cases[] = {{"100/s", 2},  {"600/m", 2},  {"5000/m", 2},
                 {"5000/m", 8}, {"2000/s", 2}, {"2000/s", 4}};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_rate_rules rules = rules_of(cases[i].text);
        int64_t one = 6 * rules.list[0].count; /* five periods, and one full */
        int64_t all = allowed_together(&rules, cases[i].members, 5);

        if (llabs(all - one) * 100 > one * 5)
            fail_msg("%s, %zu members: %lld, not %lld", cases[i].text,
                     cases[i].members, (long long)all, (long long)one);
    }
}

static void who_takes_little_is_not_told(void **state)
{
    struct pp_rate *rate = pp_rate_new(64);
    struct pp_rate_rules rules = rules_of("6400/m");

    (void)state;
    for (int i = 0; i < 99; i++)
        take(rate, &rules, 1, START_NS);
    assert_false(pp_rate_has_unshared(rate));
    take(rate, &rules, 1, START_NS);
    assert_true(pp_rate_has_unshared(rate));
    pp_rate_free(&rate);
}

static void what_was_not_told_is_told_later(void **state)
{
    struct pp_rate *rate = pp_rate_new(64);
    struct pp_rate_rules rules = rules_of("5/m");
    struct pp_rate_share share;

    (void)state;
    take(rate, &rules, 1, START_NS);
    assert_int_equal(pp_rate_unshared(rate, &share, 1, START_NS), 1);
    assert_int_equal(share.amount_us, 12000000);
    take(rate, &rules, 1, START_NS + SECOND_NS);
    pp_rate_not_shared(rate, &share, 1);
    assert_int_equal(pp_rate_unshared(rate, &share, 1, START_NS + SECOND_NS),
                     1);
    assert_int_equal(share.amount_us, 24000000);
    assert_int_equal(share.age_us, 1000000);
    assert_false(pp_rate_has_unshared(rate));
    pp_rate_free(&rate);
}

static void after_long_alone_no_more_is_told_than_is_still_missing(void **state)
{
    struct pp_rate *rate = pp_rate_new(64);
    struct pp_rate_rules rules = rules_of("5/m");
    struct pp_rate_share share;
    int64_t at = 0;

    (void)state;
    for (; at < 600; at++) /* ten minutes at the limit, and nobody to tell */
        take(rate, &rules, 1, START_NS + at * SECOND_NS);
    assert_int_equal(
        pp_rate_unshared(rate, &share, 1, START_NS + at * SECOND_NS), 1);
    assert_true(share.amount_us <= 60000000);
    assert_true(share.amount_us > 40000000);
    assert_int_equal(share.age_us, 0);
    pp_rate_free(&rate);
}

static void
what_the_others_took_counts_but_never_less_than_ones_own(void **state)
{
    static const struct {
        const char *when;
        int told, since; /* taken, and after it was told */
        int64_t level_us;
        int64_t wait_s;
    } cases[] = {
        {"the others took nothing", 1, 0, 12000000, 0},
        {"they took the rest", 1, 0, 60000000, 12},
        {"they left one, which was taken since", 1, 1, 48000000, 12},
        {"they took too much: a debt", 1, 0, 72000000, 24},
        {"the answer is nonsense", 1, 0, INT64_MAX / 2000, 60},
        {"what keeps it has lost it", 5, 0, 0, 12},
    };
    struct pp_rate_rules rules = rules_of("5/m");

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_rate *rate = pp_rate_new(64);
        struct pp_rate_share share;
        int64_t wait_ns;

        for (int n = 0; n < cases[i].told; n++)
            take(rate, &rules, 1, START_NS);
        assert_int_equal(pp_rate_unshared(rate, &share, 1, START_NS), 1);
        for (int n = 0; n < cases[i].since; n++)
            take(rate, &rules, 1, START_NS);
        share.level_us = cases[i].level_us;
        pp_rate_shared(rate, &share, 1, START_NS);
        wait_ns = take(rate, &rules, 1, START_NS);
        if (wait_ns != cases[i].wait_s * SECOND_NS)
            fail_msg("when %s: waits %lld s", cases[i].when,
                     (long long)(wait_ns / SECOND_NS));
        pp_rate_free(&rate);
    }
}

static void more_than_can_be_listed_is_told_when_it_is_used_again(void **state)
{
    static struct pp_rate_share shares[20000];
    struct pp_rate *rate = pp_rate_new(65536);
    struct pp_rate_rules rules = rules_of("5/m");
    uint64_t first = UINT64_C(0x9e3779b97f4a7c15);
    size_t told = 0, n;

    (void)state;
    for (uint64_t i = 1; i <= 10000; i++)
        take(rate, &rules, i * first, START_NS);
    while ((n = pp_rate_unshared(rate, shares, PP_COUNT(shares), START_NS)) > 0)
        told += n;
    assert_int_equal(told, 8192);
    for (uint64_t i = 1; i <= 10000; i++)
        take(rate, &rules, i * first, START_NS);
    assert_true(pp_rate_unshared(rate, shares, PP_COUNT(shares), START_NS) > 0);
    pp_rate_free(&rate);
}

int main(void)
{
    const struct CMUnitTest rate[] = {
        cmocka_unit_test(a_rule_says_how_many_in_how_long),
        cmocka_unit_test(what_is_no_rule_is_refused),
        cmocka_unit_test(
            five_a_minute_are_five_at_once_and_one_each_twelve_seconds),
        cmocka_unit_test(subjects_do_not_share),
        cmocka_unit_test(of_several_rules_all_have_to_allow_it),
        cmocka_unit_test(of_several_subjects_all_are_taken_or_none),
        cmocka_unit_test(without_a_rule_all_is_allowed),
        cmocka_unit_test(at_any_load_the_rate_holds),
        cmocka_unit_test(
            who_is_at_its_limit_stays_there_among_a_million_others),
        cmocka_unit_test(several_together_allow_what_one_would),
        cmocka_unit_test(who_takes_little_is_not_told),
        cmocka_unit_test(what_was_not_told_is_told_later),
        cmocka_unit_test(
            after_long_alone_no_more_is_told_than_is_still_missing),
        cmocka_unit_test(
            what_the_others_took_counts_but_never_less_than_ones_own),
        cmocka_unit_test(more_than_can_be_listed_is_told_when_it_is_used_again),
    };

    return cmocka_run_group_tests(rate, NULL, NULL);
}
