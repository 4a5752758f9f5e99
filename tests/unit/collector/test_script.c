#include "script.h"

#include "test.h"

static void the_smallest_form_that_a_browser_takes_is_sent(void **state)
{
    static const struct {
        const char *when;
        const char *accepts;
        enum script_encoding then;
    } cases[] = {
        {"a browser takes all", "gzip, deflate, br, zstd", SCRIPT_BR},
        {"an older one knows no br", "gzip, deflate", SCRIPT_GZIP},
        {"there is no header", "", SCRIPT_PLAIN},
        {"only others are known", "zstd, identity", SCRIPT_PLAIN},
        {"br is forbidden", "br;q=0, gzip;q=0.5", SCRIPT_GZIP},
        {"all are forbidden", "br; q=0.000, gzip ;Q=0", SCRIPT_PLAIN},
        {"a weight begins with 0", "br;q=0.1", SCRIPT_BR},
        {"the name is in capitals", "BR", SCRIPT_BR},
        {"a name begins with another", "brotli", SCRIPT_PLAIN},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (script_choose(pp_str_of(cases[i].accepts)) != cases[i].then)
            fail_msg("when %s", cases[i].when);
}

static void what_a_browser_has_is_not_sent_again(void **state)
{
    static const struct script_form form = {{NULL, 0}, "\"abc-br\""};
    static const struct {
        const char *when;
        const char *has;
        bool current;
    } cases[] = {
        {"it has this one", "\"abc-br\"", true},
        {"it has this one among others", "\"x\", \"abc-br\"", true},
        {"a cache made the tag weak", "W/\"abc-br\"", true},
        {"it has any", "*", true},
        {"it has another form", "\"abc-gzip\"", false},
        {"it has none", "", false},
        {"the quotes are missing", "abc-br", false},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (script_is_current(pp_str_of(cases[i].has), &form) !=
            cases[i].current)
            fail_msg("when %s", cases[i].when);
}

static void every_form_has_a_tag_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < SCRIPT_ENCODINGS; i++) {
        assert_true(script_forms[i].bytes.n > 500);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(script_forms[i].etag, script_forms[j].etag);
    }
    assert_true(script_forms[SCRIPT_BR].bytes.n <= 2400);
}

int main(void)
{
    const struct CMUnitTest script[] = {
        cmocka_unit_test(the_smallest_form_that_a_browser_takes_is_sent),
        cmocka_unit_test(what_a_browser_has_is_not_sent_again),
        cmocka_unit_test(every_form_has_a_tag_of_its_own),
    };

    return cmocka_run_group_tests(script, NULL, NULL);
}
