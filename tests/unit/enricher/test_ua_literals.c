#include "ua_filter.h"
#include "ua_literals.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

static void every_match_holds_one_of_the_literals(void **state)
{
    static const struct {
        const char *pattern;
        const char *literals; /* "" where there is none to look for */
    } cases[] = {
        {"Firefox", "firefox"},
        {"(Firefox)/(\\d+)\\.(\\d+)", "firefox/"},
        {"(?:Opera|OPR)[ /](\\d+)", "opera|opr"},
        {"(Opera|OPR|[0-9])", ""},
        {"a?bc*de+f", "de"},
        {"(abc)?de", "de"},
        {"(abc)+de", "abc"},
        {"x{0,3}yz{2}", "yz"},
        {"Windows NT 10\\.0", "windows nt 10.0"},
        {"^Mozilla.*\\bBot$", "mozilla"},
        {"[Bb]ot", "bot"},
        {"[Bc]ot", "ot"},
        {"[^b]ot", "ot"},
        {"[]x]yz", "yz"},
        {"(?!Chrome)Safari", "safari"},
        {"(?=abcdef)gh", "gh"},
        {"(?<!abc)gh", "gh"},
        {"abc|", ""},
        {"a|b", ""},
        {"\\x41bcd", ""},
        {"(?i)abc", ""},
        {"(?<name>abc)", ""},
        {"[[:alpha:]]abc", ""},
        {"(*ANYCRLF)abc", ""},
        {"(?:abc|(*ACCEPT))def", ""},
        {"abc(", ""},
        {"abc)", ""},
        {"abc\\", ""},
        {"a{b}cd", ""},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct ua_literals found = {0};
        char text[1000] = "";

        if (ua_literals_of(pp_str_of(cases[i].pattern), &found))
            for (size_t j = 0; j < found.count; j++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text),
                         "%s%.*s", j ? "|" : "", (int)found.list[j].n,
                         found.list[j].bytes);
        if (strcmp(text, cases[i].literals) != 0)
            fail_msg("%s: '%s', not '%s'", cases[i].pattern, text,
                     cases[i].literals);
    }
}

static void literals_that_overlap_are_all_found(void **state)
{
    const struct pp_str patterns[] = {PP_LIT("abcd"), PP_LIT("bc"),
                                      PP_LIT("cde"), PP_LIT("xyz"),
                                      PP_LIT("[0-9]+")};
    struct ua_filter *filter = ua_filter_new(patterns, PP_COUNT(patterns));
    uint64_t bits;

    (void)state;
    assert_int_equal(ua_filter_words(filter), 1);
    assert_int_equal(ua_filter_always(filter), 1);
    ua_filter_scan(filter, PP_LIT("-aBCde-"), &bits);
    assert_int_equal(bits, 1 | 2 | 4 | 16);
    ua_filter_scan(filter, PP_LIT("xyabcxyz"), &bits);
    assert_int_equal(bits, 2 | 8 | 16);
    ua_filter_scan(filter, PP_LIT(""), &bits);
    assert_int_equal(bits, 16);
    ua_filter_free(&filter);
    ua_filter_free(&filter);
}

int main(void)
{
    const struct CMUnitTest literals[] = {
        cmocka_unit_test(every_match_holds_one_of_the_literals),
        cmocka_unit_test(literals_that_overlap_are_all_found),
    };

    return cmocka_run_group_tests(literals, NULL, NULL);
}
