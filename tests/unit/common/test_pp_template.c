/* Texts with holes: what is refused at the start, what escaping lets out. */
#include <string.h>

#include "pp_template.h"

#include "test.h"

static const struct pp_str names[] = {
    {"who", 3},
    {"used", 4},
    {"none", 4},
};

static const char *rendered(const char *text, const char *who,
                            enum pp_template_context context)
{
    static char result[2048];
    const struct pp_str values[] = {pp_str_of(who), PP_LIT("5,000"), {NULL, 0}};
    struct pp_template *template;
    struct pp_err err = {0};
    struct pp_buf out;

    if (pp_template_open(&template, pp_str_of(text), names, PP_COUNT(names),
                         &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    pp_buf_init(&out, sizeof(result) - 1);
    pp_template_render(template, values, context, &out);
    pp_buf_add_byte(&out, '\0');
    assert_false(out.overflow);
    memcpy(result, out.p, out.n);
    pp_buf_fini(&out);
    pp_template_close(&template);
    return result;
}

static void a_hole_is_filled_and_a_section_follows_its_value(void **state)
{
    static const struct {
        const char *text, *then;
    } cases[] = {
        {"", ""},
        {"plain { text } stays", "plain { text } stays"},
        {"{{who}} used {{used}}.", "Ann used 5,000."},
        {"{{#used}}some{{/used}}{{^used}}nothing{{/used}}", "some"},
        {"{{#none}}some{{/none}}{{^none}}nothing{{/none}}", "nothing"},
        {"{{#used}}{{#none}}a{{/none}}b{{/used}}c", "bc"},
        {"{{#none}}{{#used}}a{{/used}}b{{/none}}c", "c"},
        {"{{#used}}{{/used}}", ""},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        assert_string_equal(rendered(cases[i].text, "Ann", PP_TEMPLATE_TEXT),
                            cases[i].then);
}

static void what_is_wrong_with_a_template_is_said_at_the_start(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{{whom}}", "no such name"},
        {"{{ who }}", "no such name"},
        {"{{}}", "no such name"},
        {"{{#whom}}x{{/whom}}", "no such name"},
        {"{{{who}}}", "no such name"},
        {"text {{who", "without }}"},
        {"{{#who}} and on", "not closed"},
        {"{{/who}}", "not open"},
        {"{{#who}}{{#used}}{{/who}}{{/used}}", "not open"},
        {"{{#who}}{{#who}}{{#who}}{{#who}}{{#who}}{{#who}}{{#who}}{{#who}}"
         "{{#who}}",
         "too many"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_template *template;
        struct pp_err err = {0};

        assert_int_equal(pp_template_open(&template, pp_str_of(cases[i].text),
                                          names, PP_COUNT(names), &err),
                         -1);
        assert_null(template);
        assert_int_equal(err.kind, PP_ERR_FATAL);
        if (!strstr(err.msg, cases[i].says))
            fail_msg("of %s it says %s", cases[i].text, err.msg);
    }
}

static void a_value_is_escaped_for_where_it_goes(void **state)
{
    static const struct {
        enum pp_template_context context;
        const char *value, *then;
    } cases[] = {
        {PP_TEMPLATE_TEXT, "<b> \"a\" & 'b'", "<b> \"a\" & 'b'"},
        {PP_TEMPLATE_TEXT, "two\nlines\r\t\x01.", "two\nlines   ."},
        {PP_TEMPLATE_HTML, "<b> \"a\" & 'b'",
         "&lt;b&gt; &quot;a&quot; &amp; &#39;b&#39;"},
        {PP_TEMPLATE_HTML, "two\nlines", "two<br>lines"},
        {PP_TEMPLATE_HEADER, "a\r\nBcc: b@example.com",
         "a  Bcc: b@example.com"},
        {PP_TEMPLATE_JSON, "a\"b\\c\nd", "a\\\"b\\\\c\\nd"},
        {PP_TEMPLATE_URL, "a b&c=d/\xC3\xA9", "a%20b%26c%3Dd%2F%C3%A9"},
        {PP_TEMPLATE_SLACK, "<!channel> & \"x\"",
         "&lt;!channel&gt; &amp; \"x\""},
        {PP_TEMPLATE_TEXT, "caf\xC3\xA9 \xF0\x9F\x90\xBE",
         "caf\xC3\xA9 \xF0\x9F\x90\xBE"},
        {PP_TEMPLATE_TEXT, "half \xC3 and \xC2\x85.",
         "half \xEF\xBF\xBD and  ."},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        assert_string_equal(
            rendered("{{who}}", cases[i].value, cases[i].context),
            cases[i].then);
}

static void a_value_is_never_read_as_a_template(void **state)
{
    (void)state;
    assert_string_equal(rendered("{{who}}", "{{used}}", PP_TEMPLATE_TEXT),
                        "{{used}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hole_is_filled_and_a_section_follows_its_value),
        cmocka_unit_test(what_is_wrong_with_a_template_is_said_at_the_start),
        cmocka_unit_test(a_value_is_escaped_for_where_it_goes),
        cmocka_unit_test(a_value_is_never_read_as_a_template),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
