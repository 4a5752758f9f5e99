/* Tokens of links: what they say, who can make one, and for how long. */
#include "pp_link.h"

#include <string.h>

#include "test.h"

#define KEY   "0123456789abcdef0123456789abcdef"
#define OTHER "another key that has 32 characters"
#define UNTIL INT64_C(1790000000)

static const struct pp_link_keys keys = {.list = {{KEY, 32}}, .count = 1};

static void make(const char *what, const char *id, char *token)
{
    assert_int_equal(
        pp_link_make(PP_LIT(KEY), what, id, UNTIL, token, PP_LINK_BYTES_MAX),
        0);
}

static enum pp_err_kind read_with(const struct pp_link_keys *with,
                                  const char *what, struct pp_str token,
                                  int64_t now_s, char *id)
{
    struct pp_err err = {0};
    int result =
        pp_link_read(with, what, token, now_s, id, PP_LINK_ID_MAX + 1, &err);

    assert_int_equal(result, err.kind == PP_ERR_NONE ? 0 : -1);
    return err.kind;
}

static void a_token_gives_its_id_back_until_it_ends(void **state)
{
    char token[PP_LINK_BYTES_MAX], id[PP_LINK_ID_MAX + 1];

    (void)state;
    make("snooze", "42", token);
    assert_int_equal(
        read_with(&keys, "snooze", pp_str_of(token), UNTIL - 1, id),
        PP_ERR_NONE);
    assert_string_equal(id, "42");
    assert_int_equal(read_with(&keys, "snooze", pp_str_of(token), UNTIL, id),
                     PP_ERR_DENIED);
}

/* The signature is that of Python's hmac over the same bytes. */
static void a_token_is_the_same_for_ever(void **state)
{
    char token[PP_LINK_BYTES_MAX];

    (void)state;
    make("snooze", "42", token);
    assert_string_equal(
        token, "6ab13b80.NDI.ey5DTeYsijW1FwEga8uYaCPy9vjPjsHmROpRydpV7I8");
}

static void a_token_is_made_of_what_a_url_holds_unescaped(void **state)
{
    char token[PP_LINK_BYTES_MAX], id[PP_LINK_ID_MAX + 1];
    char long_id[PP_LINK_ID_MAX + 2];

    (void)state;
    memset(long_id, '\xFF', PP_LINK_ID_MAX);
    long_id[PP_LINK_ID_MAX] = '\0';
    make("unsubscribe", long_id, token);
    assert_int_equal(strspn(token, "0123456789abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_."),
                     strlen(token));
    assert_int_equal(read_with(&keys, "unsubscribe", pp_str_of(token), 1, id),
                     PP_ERR_NONE);
    assert_string_equal(id, long_id);
}

static void no_token_is_made_of_what_can_not_be_read_back(void **state)
{
    char token[PP_LINK_BYTES_MAX], id[PP_LINK_ID_MAX + 2];

    (void)state;
    memset(id, 'x', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    assert_int_equal(
        pp_link_make(PP_LIT("short"), "x", "1", UNTIL, token, sizeof(token)),
        -1);
    assert_int_equal(
        pp_link_make(PP_LIT(KEY), "x", "", UNTIL, token, sizeof(token)), -1);
    assert_int_equal(
        pp_link_make(PP_LIT(KEY), "x", id, UNTIL, token, sizeof(token)), -1);
    assert_int_equal(
        pp_link_make(PP_LIT(KEY), "x", "1", 0, token, sizeof(token)), -1);
    assert_int_equal(pp_link_make(PP_LIT(KEY), "x", "1", UNTIL, token, 100),
                     -1);
}

static void a_link_for_one_thing_is_worth_nothing_for_another(void **state)
{
    char token[PP_LINK_BYTES_MAX], id[PP_LINK_ID_MAX + 1];

    (void)state;
    make("snooze", "42", token);
    assert_int_equal(read_with(&keys, "unsubscribe", pp_str_of(token), 1, id),
                     PP_ERR_INVALID);
    assert_int_equal(read_with(&keys, "snooz", pp_str_of(token), 1, id),
                     PP_ERR_INVALID);
}

/* Every byte, by every other: the head, the dots and the signature alike. */
static void a_token_with_any_byte_changed_is_none(void **state)
{
    char token[PP_LINK_BYTES_MAX], id[PP_LINK_ID_MAX + 1];
    size_t n;

    (void)state;
    make("snooze", "42", token);
    n = strlen(token);
    for (size_t i = 0; i < n; i++) {
        for (int c = 0; c < 256; c++) {
            char was = token[i];

            if ((char)c == was)
                continue;
            token[i] = (char)c;
            if (read_with(&keys, "snooze", (struct pp_str){token, n}, 1, id) !=
                PP_ERR_INVALID)
                fail_msg("byte %zu as %d was taken", i, c);
            token[i] = was;
        }
    }
    for (size_t i = 0; i < n; i++)
        assert_int_equal(
            read_with(&keys, "snooze", (struct pp_str){token, i}, 1, id),
            PP_ERR_INVALID);
}

static void what_is_no_token_at_all_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        ".",
        "..",
        "...",
        "6ab13b80",
        "6ab13b80.",
        "6ab13b80.NDI",
        "6ab13b80.NDI.",
        "6ab13b80.NDI.x",
        "a.b.c.d",
    };
    char id[PP_LINK_ID_MAX + 1];

    (void)state;
    for (size_t i = 0; i < PP_COUNT(texts); i++)
        assert_int_equal(read_with(&keys, "snooze", pp_str_of(texts[i]), 1, id),
                         PP_ERR_INVALID);
}

static void
a_key_that_was_replaced_is_believed_as_long_as_it_is_named(void **state)
{
    struct pp_link_keys both, next;
    char token[PP_LINK_BYTES_MAX], id[PP_LINK_ID_MAX + 1];
    struct pp_err err;

    (void)state;
    assert_int_equal(pp_link_keys_read(OTHER " , " KEY, &both, &err), 0);
    assert_int_equal(both.count, 2);
    assert_int_equal(pp_link_keys_read(OTHER, &next, &err), 0);
    make("snooze", "42", token);
    assert_int_equal(read_with(&both, "snooze", pp_str_of(token), 1, id),
                     PP_ERR_NONE);
    assert_int_equal(read_with(&next, "snooze", pp_str_of(token), 1, id),
                     PP_ERR_INVALID);
    assert_int_equal(
        pp_link_make(both.list[0], "snooze", "7", UNTIL, token, sizeof(token)),
        0);
    assert_int_equal(read_with(&both, "snooze", pp_str_of(token), 1, id),
                     PP_ERR_NONE);
    assert_int_equal(read_with(&next, "snooze", pp_str_of(token), 1, id),
                     PP_ERR_NONE);
}

static void keys_are_long_enough_and_not_many(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"", true},
        {KEY, true},
        {KEY "," OTHER, true},
        {KEY "," KEY "," KEY "," KEY, true},
        {KEY "," KEY "," KEY "," KEY "," KEY, false},
        {"short", false},
        {KEY ",short", false},
        {"0123456789abcdef0123456789abcde ", false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if ((pp_link_keys_wrong(cases[i].text) == NULL) != cases[i].good)
            fail_msg("%s", cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_gives_its_id_back_until_it_ends),
        cmocka_unit_test(a_token_is_the_same_for_ever),
        cmocka_unit_test(a_token_is_made_of_what_a_url_holds_unescaped),
        cmocka_unit_test(no_token_is_made_of_what_can_not_be_read_back),
        cmocka_unit_test(a_link_for_one_thing_is_worth_nothing_for_another),
        cmocka_unit_test(a_token_with_any_byte_changed_is_none),
        cmocka_unit_test(what_is_no_token_at_all_is_refused),
        cmocka_unit_test(
            a_key_that_was_replaced_is_believed_as_long_as_it_is_named),
        cmocka_unit_test(keys_are_long_enough_and_not_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
