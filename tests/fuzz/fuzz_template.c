/*
 * Any bytes as a template and, behind the first NUL, as the value of its
 * names: refused, or rendered; and no value gets out of where it is put.
 */
#include <stdlib.h>
#include <string.h>

#include "pp_template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pp_str names[] = {{"a", 1}, {"b", 1}, {"none", 4}};

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* A template of one hole: all that comes out is the value's. */
static void check_escaped(struct pp_str value)
{
    struct pp_buf out;

    pp_buf_init(&out, 9 * value.n + 16);
    for (int context = PP_TEMPLATE_TEXT; context <= PP_TEMPLATE_SLACK;
         context++) {
        pp_buf_reset(&out);
        pp_template_escape(&out, value, (enum pp_template_context)context);
        check(!out.overflow && pp_str_is_utf8(pp_buf_str(&out)));
        for (size_t i = 0; i < out.n; i++) {
            unsigned char c = (unsigned char)out.p[i];

            check(c >= 0x20 || c == '\n');
            check(c != '\n' || context == PP_TEMPLATE_TEXT ||
                  context == PP_TEMPLATE_SLACK);
            if (context == PP_TEMPLATE_HTML)
                check(c != '"' && c != '\'' &&
                      (c != '<' || !strncmp(out.p + i, "<br>", 4)));
            if (context == PP_TEMPLATE_SLACK)
                check(c != '<' && c != '>');
        }
    }
    pp_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str text = {(const char *)data, size}, value = {"", 0};
    size_t end = pp_str_find(text, '\0');
    struct pp_template *template;
    struct pp_err err;
    struct pp_buf out;

    if (end < size)
        value = pp_str_sub(text, end + 1, size);
    text.n = end;
    check_escaped(value);
    if (pp_template_open(&template, text, names, 3, &err) < 0) {
        check(err.kind == PP_ERR_FATAL);
        return 0;
    }
    pp_buf_init(&out, (size_t)16 << 20);
    pp_template_render(template,
                       (const struct pp_str[]){value, PP_LIT("b"), {NULL, 0}},
                       PP_TEMPLATE_HTML, &out);
    check(!out.overflow);
    pp_buf_fini(&out);
    pp_template_close(&template);
    return 0;
}
