/* What those who run Pawprint are told each morning. */
#include "staff.h"

#include <string.h>

#include "pp_message.h"

#include "test.h"

static struct pp_buf out;

static int begin(void **state)
{
    (void)state;
    pp_buf_init(&out, (size_t)64 << 10);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pp_buf_fini(&out);
    return 0;
}

static void what_is_wrong_is_said_the_worst_first(void **state)
{
    static const struct {
        const char *when;
        int64_t numbers[STAFF_NUMBERS];
        const char *then;
    } cases[] = {
        {"all is well",
         {[STAFF_ACCEPTED] = 1000, [STAFF_ACCEPTED_WEEK_BEFORE] = 1900},
         ""},
        {"a run was given up and mails came back",
         {[STAFF_ACCEPTED] = 1000,
          [STAFF_RUNS_DEAD] = 2,
          [STAFF_MESSAGES_BACK] = 1},
         "Runs of jobs given up: 2\nMails that came back for good: 1"},
        {"few events came",
         {[STAFF_ACCEPTED] = 300, [STAFF_ACCEPTED_WEEK_BEFORE] = 1000},
         "Fewer events than a week before: 70 %"},
        {"none came",
         {[STAFF_ACCEPTED_WEEK_BEFORE] = 1000},
         "Fewer events than a week before: 100 %"},
        {"few came, of a few",
         {[STAFF_ACCEPTED] = 3, [STAFF_ACCEPTED_WEEK_BEFORE] = 999},
         ""},
        {"many were refused",
         {[STAFF_ACCEPTED] = 300, [STAFF_REFUSED] = 100},
         "Hits that were refused: 25 %"},
        {"some were refused", {[STAFF_ACCEPTED] = 3, [STAFF_REFUSED] = 99}, ""},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        size_t lines = 0;

        pp_buf_reset(&out);
        if (staff_judge(cases[i].numbers, &out) > 0)
            lines = 1;
        for (const char *c = cases[i].then; *c; c++)
            lines += *c == '\n';
        if (!pp_str_eq(pp_buf_str(&out), pp_str_of(cases[i].then)))
            fail_msg("when %s: %.*s", cases[i].when, PP_ARG(pp_buf_str(&out)));
        pp_buf_reset(&out);
        assert_int_equal(staff_judge(cases[i].numbers, &out), lines);
    }
}

static void the_worst_is_in_the_subject(void **state)
{
    const int64_t numbers[STAFF_NUMBERS] = {[STAFF_ACCEPTED] = 1234,
                                            [STAFF_RUNS_DEAD] = 2,
                                            [STAFF_MESSAGES_FAILED] = 7};
    struct pp_message_values values = {0};
    const struct pp_message *message;
    struct pp_messages *messages;
    struct pp_arena arena;
    struct pp_err err = {0};
    struct pp_buf subject;

    (void)state;
    assert_int_equal(pp_messages_open(&messages, &err), 0);
    pp_arena_init(&arena, (size_t)64 << 10);
    pp_buf_init(&subject, 4096);
    message = pp_message_find(messages, "staff_daily");
    assert_non_null(message);
    staff_facts(numbers, "2026-11-24", "UTC", &out);
    if (pp_message_facts(message, pp_buf_str(&out), &arena, &values, &err) < 0)
        fail_msg("%s", err.msg);
    pp_message_subject(message, &values, &subject);
    pp_buf_add_byte(&subject, '\0');
    assert_string_equal(subject.p, "[2 problems] Runs of jobs given up: 2");
    pp_buf_reset(&subject);
    pp_message_text(message, &values, &subject);
    pp_buf_add_byte(&subject, '\0');
    assert_non_null(strstr(subject.p, "1,234"));
    assert_non_null(
        strstr(subject.p, "Messages that could not be delivered: 7"));
    pp_buf_fini(&subject);
    pp_arena_fini(&arena);
    pp_messages_close(&messages);
}

int main(void)
{
    const struct CMUnitTest staff[] = {
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_the_worst_first,
                                        begin, end),
        cmocka_unit_test_setup_teardown(the_worst_is_in_the_subject, begin,
                                        end),
    };

    return cmocka_run_group_tests(staff, NULL, NULL);
}
