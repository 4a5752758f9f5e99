#include "manifest.h"
#include "pp_mem.h"
#include "test.h"

static void fill(struct manifest *m)
{
    struct manifest_part *part;
    struct manifest_piece *piece;

    manifest_init(m);
    strcpy(m->id, "20261125T195000Z");
    strcpy(m->prefix, "pawprint.");
    m->started_ms = 1000;
    m->ended_ms = 2000;
    m->is_encrypted = true;
    m->postgres_schema = m->clickhouse_schema = 4;
    *manifest_add_offset(m) = (struct manifest_offset){1, 3, 77};
    strcpy(manifest_add_sequence(m)->name, "outbox_id_seq");
    m->sequences[0].value = 9;
    part = manifest_add_part(m);
    part->store = MANIFEST_CLICKHOUSE;
    strcpy(part->table, "events");
    strcpy(part->partition, "400-202611");
    part->columns = pp_strdup("site_id,account_id,event_at");
    part->rows = 3;
    part->checksum = UINT64_C(0xfedcba9876543210);
    piece = manifest_add_piece(part);
    strcpy(piece->name, "data/20261125T195000Z/clickhouse.events.000000");
    memset(piece->sha256, 'a', SEAL_SHA_BYTES - 1);
    piece->bytes = 100;
    piece->rows = 3;
    m->events.rows = 3;
    tally_count_site(&m->events, PP_LIT("s1"), PP_LIT("a1"), 2);
    tally_count_site(&m->events, PP_LIT("s2"), PP_LIT("a1"), 1);
}

static struct pp_buf written(void)
{
    struct manifest m;
    struct pp_buf text;

    fill(&m);
    pp_buf_init(&text, MANIFEST_BYTES_MAX);
    manifest_write(&m, &text);
    manifest_fini(&m);
    return text;
}

static void what_is_written_is_read(void **state)
{
    struct pp_buf text = written();
    struct pp_err err = {0};
    struct manifest m;

    (void)state;
    if (manifest_read(pp_buf_str(&text), &m, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(m.id, "20261125T195000Z");
    assert_true(m.is_encrypted);
    assert_int_equal(m.offsets[0].partition, 3);
    assert_int_equal(m.offsets[0].offset, 77);
    assert_int_equal(m.sequences[0].value, 9);
    assert_string_equal(m.parts[0].partition, "400-202611");
    assert_true(m.parts[0].checksum == UINT64_C(0xfedcba9876543210));
    assert_int_equal(m.parts[0].pieces[0].bytes, 100);
    assert_int_equal(m.events.site_count, 2);
    assert_int_equal(m.events.sites[0].rows, 2);
    manifest_fini(&m);
    pp_buf_fini(&text);
}

static void a_manifest_that_is_cut_anywhere_is_refused(void **state)
{
    struct pp_buf text = written();
    struct pp_str all = pp_str_trim(pp_buf_str(&text));

    (void)state;
    for (size_t n = 0; n < all.n; n++) {
        struct pp_err err = {0};
        struct manifest m;

        if (manifest_read(pp_str_sub(all, 0, n), &m, &err) == 0)
            fail_msg("cut at byte %zu", n);
        manifest_fini(&m);
    }
    pp_buf_fini(&text);
}

/* The text with one part of it replaced by another. */
static struct pp_buf changed(const char *from, const char *to)
{
    struct pp_buf text = written(), out;
    const char *at = memmem(text.p, text.n, from, strlen(from));

    assert_non_null(at);
    pp_buf_init(&out, MANIFEST_BYTES_MAX);
    pp_buf_add(&out, text.p, (size_t)(at - text.p));
    pp_buf_add_text(&out, to);
    pp_buf_add_text(&out, "");
    pp_buf_add(&out, at + strlen(from),
               text.n - (size_t)(at - text.p) - strlen(from));
    pp_buf_fini(&text);
    return out;
}

static void what_does_not_hold_together_is_refused(void **state)
{
    static const struct {
        const char *when, *from, *to;
    } cases[] = {
        {"its format is another", "\"format\":1", "\"format\":2"},
        {"a site has more events", "{\"rows\":2,", "{\"rows\":5,"},
        {"a piece has fewer rows", "{\"rows\":3,\"bytes\"",
         "{\"rows\":2,\"bytes\""},
        {"a piece lies elsewhere", "data/20261125", "data/../../etc"},
        {"a piece has no checksum", "\"sha256\"", "\"sha257\""},
        {"columns are a statement", "site_id,account_id",
         "site_id) SELECT 1 --"},
        {"a table is a statement", "\"table\":\"events\"",
         "\"table\":\"events; DROP\""},
        {"a partition is a statement", "400-202611", "4' OR '1'='1"},
        {"a sequence is a statement", "outbox_id_seq", "x');--"},
        {"rows are no number", "\"rows\":3,\"checksum\"",
         "\"rows\":3.5,\"checksum\""},
        {"an offset has no epoch", "\"epoch\"", "\"epoc\""},
        {"a store is not known", "\"clickhouse\",\"table\"",
         "\"mysql\",\"table\""},
        {"something stands behind it", "}\n", "}{\n"},
    };

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pp_buf text = changed(cases[i].from, cases[i].to);
        struct pp_err err = {0};
        struct manifest m;

        if (manifest_read(pp_buf_str(&text), &m, &err) == 0)
            fail_msg("when %s", cases[i].when);
        assert_int_equal(err.kind, PP_ERR_INVALID);
        manifest_fini(&m);
        pp_buf_fini(&text);
    }
}

static void names_stay_in_their_place(void **state)
{
    static const struct {
        const char *name;
        bool ok;
    } cases[] = {{"data/1/a.b-c_d", true},
                 {"a", true},
                 {"", false},
                 {"/a", false},
                 {"a/", false},
                 {"a//b", false},
                 {"../a", false},
                 {"a/..", false},
                 {".a", false},
                 {"a b", false},
                 {"a'b", false},
                 {"\xc3\xa4", false}};

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        if (manifest_name_ok(pp_str_of(cases[i].name)) != cases[i].ok)
            fail_msg("%s", cases[i].name);
}

int main(void)
{
    const struct CMUnitTest manifest[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_manifest_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(what_does_not_hold_together_is_refused),
        cmocka_unit_test(names_stay_in_their_place),
    };

    return cmocka_run_group_tests(manifest, NULL, NULL);
}
