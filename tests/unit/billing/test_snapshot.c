/*
 * What plan follows from a customer's subscriptions, in any order and in both
 * shapes that Stripe's API has had.
 */
#include "snapshot.h"

#include <stdio.h>
#include <string.h>

#include "pp_mem.h"
#include "test.h"

static struct pp_plans *plans;
static struct pp_arena arena;

static int set_up(void **state)
{
    struct pp_err err = {0};

    (void)state;
    pp_arena_init(&arena, (size_t)16 << 20);
    return pp_plans_open(&plans, "", &err);
}

static int take_down(void **state)
{
    (void)state;
    pp_plans_close(&plans);
    pp_arena_fini(&arena);
    return 0;
}

static struct pick parse(const char *text)
{
    struct pp_err err = {0};
    struct pick document;
    char *copy = pp_arena_alloc(&arena, strlen(text) + 1);

    memcpy(copy, text, strlen(text) + 1);
    if (pick_document(pp_str_of(copy), &arena, &document, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return document;
}

/* "STATUS PLAN CREATED", and whether it is of the older shape. */
struct told {
    const char *status, *price;
    int created;
};

static struct pick subscription(const struct told *told, int number)
{
    char text[900];

    snprintf(text, sizeof(text),
             "{\"id\":\"sub_%d\",\"object\":\"subscription\",\"status\":\"%s\","
             "\"created\":%d,\"items\":{\"data\":[{\"price\":{\"id\":\"%s\"},"
             "\"current_period_start\":1764072000,\"current_period_end\":"
             "1766664000}]}}",
             number, told->status, told->created, told->price);
    return parse(text);
}

#define BASIC   "price_basic_month"
#define PREMIUM "price_premium_year"

static void every_status_leads_to_a_plan_or_leaves_it(void **state)
{
    static const struct {
        const char *status, *plan; /* NULL: as it was */
        enum snapshot_doubt doubt;
    } cases[] = {
        {"trialing", "BASIC", SNAPSHOT_SURE},
        {"active", "BASIC", SNAPSHOT_SURE},
        {"past_due", "BASIC", SNAPSHOT_SURE},
        {"incomplete", NULL, SNAPSHOT_SURE},
        {"incomplete_expired", "FREE", SNAPSHOT_SURE},
        {"unpaid", "FREE", SNAPSHOT_SURE},
        {"canceled", "FREE", SNAPSHOT_SURE},
        {"paused", "FREE", SNAPSHOT_SURE},
        {"rehearsing", NULL, SNAPSHOT_UNKNOWN_STATUS},
        {"", NULL, SNAPSHOT_UNKNOWN_STATUS},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct told told = {cases[i].status, BASIC, 1};
        struct snapshot snapshot = {0};
        struct snapshot_result result;

        snapshot_add(&snapshot, subscription(&told, 1), plans);
        result = snapshot_result(&snapshot);
        if (snapshot.doubt != cases[i].doubt ||
            (cases[i].plan ? !result.plan_code ||
                                 strcmp(result.plan_code, cases[i].plan) != 0
                           : result.plan_code != NULL))
            fail_msg("%s: %s", cases[i].status,
                     result.plan_code ? result.plan_code : "as it was");
        assert_string_equal(result.shown->status, cases[i].status);
    }
}

static void of_several_the_best_counts_whichever_came_first(void **state)
{
    static const struct {
        const char *when;
        struct told told[3];
        const char *plan, *shown; /* the subscription's id */
    } cases[] = {
        {"both are live",
         {{"active", BASIC, 2}, {"active", PREMIUM, 1}},
         "PREMIUM",
         "sub_1"},
        {"the better one has ended",
         {{"active", BASIC, 1}, {"canceled", PREMIUM, 2}},
         "BASIC",
         "sub_0"},
        {"the better one has not begun",
         {{"active", BASIC, 1}, {"incomplete", PREMIUM, 2}},
         "BASIC",
         "sub_0"},
        {"they are equal, the later one",
         {{"active", BASIC, 1}, {"past_due", BASIC, 2}},
         "BASIC",
         "sub_1"},
        {"they are equal and of the same second, always the same one",
         {{"active", BASIC, 1}, {"trialing", BASIC, 1}},
         "BASIC",
         "sub_1"},
        {"all have ended, the last one is shown",
         {{"canceled", BASIC, 1}, {"unpaid", PREMIUM, 2}},
         "FREE",
         "sub_1"},
        {"one has ended and another waits for its first payment",
         {{"canceled", BASIC, 1}, {"incomplete", PREMIUM, 2}},
         "FREE",
         "sub_1"},
        {"a price that nobody knows, beside one that is known",
         {{"active", BASIC, 1}, {"active", "price_unknown", 2}},
         NULL,
         "sub_0"},
        {"a price that nobody knows, of one that has ended",
         {{"active", BASIC, 1}, {"canceled", "price_unknown", 2}},
         "BASIC",
         "sub_0"},
        {"a status that nobody knows, beside one that is known",
         {{"active", BASIC, 1}, {"rehearsing", PREMIUM, 2}},
         NULL,
         "sub_0"},
        {"three",
         {{"trialing", BASIC, 3}, {"active", PREMIUM, 2}, {"active", BASIC, 9}},
         "PREMIUM",
         "sub_1"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        for (int turn = 0; turn < 6; turn++) {
            static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                             {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
            struct snapshot snapshot = {0};
            struct snapshot_result result;

            for (int k = 0; k < 3; k++) {
                int n = orders[turn][k];

                if (cases[i].told[n].status)
                    snapshot_add(&snapshot, subscription(&cases[i].told[n], n),
                                 plans);
            }
            result = snapshot_result(&snapshot);
            if ((cases[i].plan ? !result.plan_code ||
                                     strcmp(result.plan_code, cases[i].plan)
                               : result.plan_code != NULL) ||
                strcmp(result.shown->id, cases[i].shown) != 0)
                fail_msg("when %s, order %d", cases[i].when, turn);
        }
}

static void without_any_subscription_the_plan_is_the_default(void **state)
{
    struct snapshot snapshot = {0};

    (void)state;
    assert_string_equal(snapshot_result(&snapshot).plan_code, "FREE");
    assert_null(snapshot_result(&snapshot).shown);
}

/* [docs.stripe.com/changelog/basil: periods moved to the items] */
static void both_shapes_of_a_period_are_read_alike(void **state)
{
    static const char *const shapes[] = {
        "{\"id\":\"sub_1\",\"status\":\"active\",\"items\":{\"data\":[{"
        "\"price\":{\"id\":\"" BASIC "\"},\"current_period_start\":1764072000,"
        "\"current_period_end\":1766664000}]}}",
        "{\"id\":\"sub_1\",\"status\":\"active\",\"current_period_start\":"
        "1764072000,\"current_period_end\":1766664000,\"items\":{\"data\":[{"
        "\"price\":{\"id\":\"" BASIC "\"}}]}}",
        "{\"id\":\"sub_1\",\"status\":\"active\",\"current_period_start\":"
        "1764072000,\"current_period_end\":1766664000,\"plan\":{\"id\":"
        "\"" BASIC "\"}}",
        "{\"id\":\"sub_1\",\"status\":\"active\",\"items\":{\"data\":[{"
        "\"price\":{\"id\":\"price_of_an_extra\"}},{\"price\":\"" BASIC "\","
        "\"current_period_start\":1764072000,\"current_period_end\":"
        "1766664000}]}}",
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(shapes); i++) {
        struct snapshot snapshot = {0};

        snapshot_add(&snapshot, parse(shapes[i]), plans);
        assert_string_equal(snapshot_result(&snapshot).plan_code, "BASIC");
        assert_int_equal(snapshot.best.period_start_ms, INT64_C(1764072000000));
        assert_int_equal(snapshot.best.period_end_ms, INT64_C(1766664000000));
    }
}

static void a_period_that_ends_before_it_begins_is_none(void **state)
{
    struct snapshot snapshot = {0};

    (void)state;
    snapshot_add(&snapshot,
                 parse("{\"id\":\"sub_1\",\"status\":\"active\",\"items\":{"
                       "\"data\":[{\"price\":\"" BASIC
                       "\",\"current_period_start\":2,\"current_period_end\":"
                       "1}]}}"),
                 plans);
    assert_int_equal(snapshot.best.period_start_ms, 0);
    assert_int_equal(snapshot.best.period_end_ms, 0);
}

static void what_a_schedule_brings_next_is_pending(void **state)
{
    static const struct {
        const char *when, *phases, *pending;
    } cases[] = {
        {"a lower plan from the end of this phase on",
         "{\"start_date\":1,\"items\":[{\"price\":\"" PREMIUM "\"}]},"
         "{\"start_date\":100,\"items\":[{\"price\":\"" BASIC "\"}]}",
         "BASIC"},
        {"the next of several, in any order",
         "{\"start_date\":300,\"items\":[{\"price\":\"" PREMIUM "\"}]},"
         "{\"start_date\":100,\"items\":[{\"price\":\"" BASIC "\"}]}",
         "BASIC"},
        {"the same plan goes on",
         "{\"start_date\":100,\"items\":[{\"price\":\"price_premium_month\"}]}",
         NULL},
        {"nothing comes",
         "{\"start_date\":1,\"items\":[{\"price\":\"" PREMIUM "\"}]}", NULL},
        {"a price that nobody knows",
         "{\"start_date\":100,\"items\":[{\"price\":\"price_x\"}]}", NULL},
    };
    char text[900];

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct told told = {"active", PREMIUM, 1};
        struct snapshot snapshot = {0};
        const char *pending;

        snapshot_add(&snapshot, subscription(&told, 1), plans);
        snprintf(text, sizeof(text),
                 "{\"current_phase\":{\"end_date\":100},\"phases\":[%s]}",
                 cases[i].phases);
        pending = snapshot_pending(parse(text), &snapshot.best, plans);
        if (cases[i].pending ? !pending || strcmp(pending, cases[i].pending)
                             : pending != NULL)
            fail_msg("when %s: %s", cases[i].when, pending ? pending : "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_leads_to_a_plan_or_leaves_it),
        cmocka_unit_test(of_several_the_best_counts_whichever_came_first),
        cmocka_unit_test(without_any_subscription_the_plan_is_the_default),
        cmocka_unit_test(both_shapes_of_a_period_are_read_alike),
        cmocka_unit_test(a_period_that_ends_before_it_begins_is_none),
        cmocka_unit_test(what_a_schedule_brings_next_is_pending),
    };

    return cmocka_run_group_tests(tests, set_up, take_down);
}
