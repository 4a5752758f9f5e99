#include "pp_token.h"

#include <string.h>

#include "pp_mem.h"
#include "test.h"

static struct pp_token made(enum pp_token_kind kind)
{
    struct pp_token token;
    struct pp_err err = {0};

    assert_int_equal(pp_token_make(kind, &token, &err), 0);
    return token;
}

static void a_token_is_of_its_kind_and_of_no_other(void **state)
{
    (void)state;
    for (int made_as = 0; made_as <= PP_TOKEN_SESSION; made_as++) {
        struct pp_token token = made((enum pp_token_kind)made_as);

        assert_int_equal(strlen(token.text), PP_TOKEN_CHARS);
        for (int kind = 0; kind <= PP_TOKEN_SESSION; kind++)
            assert_int_equal(
                pp_token_is((enum pp_token_kind)kind, pp_str_of(token.text)),
                kind == made_as);
    }
}

static void no_two_tokens_are_alike(void **state)
{
    struct pp_token a = made(PP_TOKEN_PROGRAM), b = made(PP_TOKEN_PROGRAM);

    (void)state;
    assert_string_not_equal(a.text, b.text);
}

static void what_has_not_the_form_of_a_token_is_none(void **state)
{
    static const struct {
        const char *when;
        const char *text;
    } cases[] = {
        {"it is empty", ""},
        {"it is a prefix alone", "pp_"},
        {"it is too short", "pp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"it is too long", "pp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"a letter is no Base64",
         "pp_aaaaaaaaaaaaaaaaaaaaa'aaaaaaaaaaaaaaaaaaaaa"},
        {"its prefix is another",
         "pq_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (pp_token_is(PP_TOKEN_PROGRAM, pp_str_of(cases[i].text)))
            fail_msg("when %s", cases[i].when);
    assert_true(
        pp_token_is(PP_TOKEN_PROGRAM,
                    PP_LIT("pp_aaaaaaaaaaaaaaaaaaaaa-_aaaaaaaaaaaaaaaaaaaa")));
}

static void what_is_kept_is_the_sha256(void **state)
{
    char hash[PP_TOKEN_HASH_BYTES];

    (void)state;
    pp_token_hash(PP_LIT("abc"), hash); /* FIPS 180-2, appendix B.1 */
    assert_string_equal(hash, "\\xba7816bf8f01cfea414140de5dae2223b00361a39617"
                              "7a9cb410ff61f20015ad");
}

static void a_form_belongs_to_one_session(void **state)
{
    struct pp_token a = made(PP_TOKEN_SESSION), b = made(PP_TOKEN_SESSION);
    char form[PP_TOKEN_FORM_BYTES];

    (void)state;
    pp_token_form(pp_str_of(a.text), form);
    assert_true(pp_token_form_is(pp_str_of(a.text), pp_str_of(form)));
    assert_false(pp_token_form_is(pp_str_of(b.text), pp_str_of(form)));
    assert_false(pp_token_form_is(pp_str_of(a.text), PP_LIT("")));
    form[0] ^= 1;
    assert_false(pp_token_form_is(pp_str_of(a.text), pp_str_of(form)));
    assert_null(strstr(form, a.text + 3));
}

static void roles_have_names(void **state)
{
    enum pp_token_role role;

    (void)state;
    assert_true(pp_token_role_of(PP_LIT("owner"), &role));
    assert_int_equal(role, PP_TOKEN_OWNER);
    assert_true(pp_token_role_of(PP_LIT("billing"), &role));
    assert_string_equal(pp_token_role_name(role), "billing");
    assert_false(pp_token_role_of(PP_LIT("Owner"), &role));
}

int main(void)
{
    const struct CMUnitTest tokens[] = {
        cmocka_unit_test(a_token_is_of_its_kind_and_of_no_other),
        cmocka_unit_test(no_two_tokens_are_alike),
        cmocka_unit_test(what_has_not_the_form_of_a_token_is_none),
        cmocka_unit_test(what_is_kept_is_the_sha256),
        cmocka_unit_test(a_form_belongs_to_one_session),
        cmocka_unit_test(roles_have_names),
    };

    return cmocka_run_group_tests(tokens, NULL, NULL);
}
