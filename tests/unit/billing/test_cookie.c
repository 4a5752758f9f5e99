#include "cookie.h"

#include <string.h>

#include "pp_mem.h"
#include "test.h"

static void a_session_is_found_among_other_cookies(void **state)
{
    static const struct {
        const char *header;
        bool is_https;
        const char *session; /* NULL: none */
    } cases[] = {
        {"pawprint=ps_1", false, "ps_1"},
        {"a=b; pawprint=ps_1; c=d", false, "ps_1"},
        {"__Host-pawprint=ps_1", true, "ps_1"},
        {"pawprint=ps_1", true, NULL}, /* anybody may have set that one */
        {"__Host-pawprint=ps_1", false, NULL},
        {"pawprint=", false, ""},
        {"xpawprint=ps_1", false, NULL},
        {"pawprint", false, ""},
        {"", false, NULL},
        {"pawprint=a; pawprint=b", false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_str session =
            cookie_session(pp_str_of(cases[i].header), cases[i].is_https);

        if (cases[i].session ? !pp_str_eq(session, pp_str_of(cases[i].session))
                             : session.n != 0)
            fail_msg("when %s", cases[i].header);
    }
}

static void scripts_and_other_sites_get_nothing_of_it(void **state)
{
    struct pp_buf out;

    (void)state;
    pp_buf_init(&out, 512);
    cookie_set(&out, "ps_1", 3600, true);
    pp_buf_add_byte(&out, '\0');
    assert_string_equal(out.p,
                        "__Host-pawprint=ps_1; Path=/; Max-Age=3600; HttpOnly; "
                        "SameSite=Lax; Secure");
    pp_buf_reset(&out);
    cookie_set(&out, "", 0, false);
    pp_buf_add_byte(&out, '\0');
    assert_string_equal(out.p,
                        "pawprint=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    pp_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest cookies[] = {
        cmocka_unit_test(a_session_is_found_among_other_cookies),
        cmocka_unit_test(scripts_and_other_sites_get_nothing_of_it),
    };

    return cmocka_run_group_tests(cookies, NULL, NULL);
}
