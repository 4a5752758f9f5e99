/*
 * Any bytes as a report that was kept, and as a stranger's name in one: what
 * comes out is UTF-8, small, and has no tag and no link that is not ours.
 */
#include <stdlib.h>
#include <string.h>

#include "pp_report_view.h"
#include "pp_report_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES ((size_t)4 << 20)

static void check(bool holds)
{
    if (!holds)
        abort();
}

static size_t count_of(struct pp_str in, char byte)
{
    size_t count = 0;

    for (size_t i = 0; i < in.n; i++)
        count += in.p[i] == byte;
    return count;
}

static void show(const struct pp_report_layout *layout,
                 const struct pp_report *report, struct pp_buf *html)
{
    const struct pp_report_reader reader = {.test = true};
    struct pp_buf text;

    pp_buf_reset(html);
    pp_report_html(layout, report, &reader, html);
    check(!html->overflow && html->n < PP_REPORT_HTML_MAX);
    check(pp_str_is_utf8(pp_buf_str(html)));
    check(!memmem(html->p, html->n, "href=\"", 6));
    pp_buf_init(&text, (size_t)1 << 20);
    pp_report_text(report, &reader, &text);
    check(!text.overflow && pp_str_is_utf8(pp_buf_str(&text)));
    check(count_of(pp_buf_str(&text), '\r') == 0);
    check(!memmem(text.p, text.n, "://", 3));
    pp_buf_fini(&text);
}

/* A report with that name everywhere has the tags of one without. */
static void check_name(const struct pp_report_layout *layout,
                       struct pp_str name, struct pp_buf *html)
{
    struct pp_report report = {
        .site = name,
        .period = {20773, 20780},
        .before = {20766, 20773},
    };
    size_t tags = 0;

    for (int i = 0; i < PP_REPORT_LISTS; i++) {
        report.lists[i].count = 1;
        report.lists[i].rows[0] = (struct pp_report_row){name, 1, 1, 1};
    }
    show(layout, &report, html);
    tags = count_of(pp_buf_str(html), '<');
    for (int i = 0; i < PP_REPORT_LISTS; i++)
        report.lists[i].rows[0].name = PP_LIT("/");
    report.site = PP_LIT("a");
    show(layout, &report, html);
    check(count_of(pp_buf_str(html), '<') == tags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pp_report_layout *layout;
    struct pp_str bytes = {(const char *)data, size};
    struct pp_report report, again;
    struct pp_arena arena;
    struct pp_buf html, json;
    struct pp_err err = {0};

    if (!layout)
        check(pp_report_layout_open(&layout, &err) == 0);
    pp_buf_init(&html, (size_t)1 << 20);
    pp_buf_init(&json, (size_t)4 << 20);
    pp_arena_init(&arena, ARENA_BYTES);
    check_name(layout, bytes, &html);
    if (pp_report_read(bytes, &arena, &report, &err) == 0) {
        show(layout, &report, &html);
        pp_report_add_facts(&json, &report, 7, true);
        pp_buf_reset(&json);
        pp_report_add_json(&report, &json);
        if (!json.overflow)
            check(pp_report_read(pp_buf_str(&json), &arena, &again, &err) == 0);
    } else {
        check(err.kind == PP_ERR_INVALID);
    }
    pp_arena_fini(&arena);
    pp_buf_fini(&html);
    pp_buf_fini(&json);
    return 0;
}
