#include "pp_sites.h"

#include <stdio.h>

#include "pp_avro.h"

#include "site.h"
#include "test.h"

static void apply(struct pp_sites *sites, const char *id, int64_t version,
                  enum site_status status, const char *origins)
{
    const struct pp_avro_frame frame = {.fingerprint = SITE_FINGERPRINT};
    struct site site = {
        .site_id = pp_str_of(id),
        .account_id = PP_LIT("acc"),
        .version = version,
        .status = status,
        .origins = pp_str_of(origins),
    };
    struct pp_err err = {0};
    struct pp_buf record;

    pp_buf_init(&record, 4096);
    pp_avro_frame_put(&record, &frame);
    site_encode(&site, &record);
    if (pp_sites_apply(sites, NULL, pp_buf_str(&record), &err) < 0)
        fail_msg("%s", err.msg);
    pp_buf_fini(&record); /* the table keeps copies */
}

static void the_newest_version_of_a_site_stands(void **state)
{
    struct pp_sites *sites = pp_sites_new();

    (void)state;
    assert_null(pp_sites_find(sites, PP_LIT("a")));
    apply(sites, "a", 2, SITE_STATUS_ACTIVE, "");
    assert_int_equal(pp_sites_find(sites, PP_LIT("a"))->state, PP_SITE_ACTIVE);
    apply(sites, "a", 1, SITE_STATUS_DELETED, "");
    assert_int_equal(pp_sites_find(sites, PP_LIT("a"))->state, PP_SITE_ACTIVE);
    apply(sites, "a", 3, SITE_STATUS_PAUSED, "");
    assert_int_equal(pp_sites_find(sites, PP_LIT("a"))->state, PP_SITE_PAUSED);
    apply(sites, "a", 4, SITE_STATUS_DELETED, "");
    assert_int_equal(pp_sites_find(sites, PP_LIT("a"))->state, PP_SITE_DELETED);
    assert_int_equal(pp_sites_count(sites), 1);
    assert_int_equal(pp_sites_erased_count(sites), 0);
    pp_sites_free(&sites);
}

static void an_erased_site_stays_erased(void **state)
{
    struct pp_sites *sites = pp_sites_new();

    (void)state;
    apply(sites, "a", 1, SITE_STATUS_ACTIVE, "");
    apply(sites, "a", 2, SITE_STATUS_ERASED, "");
    apply(sites, "a", 3, SITE_STATUS_ACTIVE, "");
    apply(sites, "a", 3, SITE_STATUS_ERASED, "");
    assert_int_equal(pp_sites_find(sites, PP_LIT("a"))->state, PP_SITE_ERASED);
    assert_int_equal(pp_sites_erased_count(sites), 1);
    pp_sites_free(&sites);
}

static void many_sites_are_all_found(void **state)
{
    struct pp_sites *sites = pp_sites_new();
    char id[16];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        snprintf(id, sizeof(id), "site%d", i);
        apply(sites, id, 1, SITE_STATUS_ACTIVE, "");
    }
    for (int i = 0; i < 20000; i++) {
        snprintf(id, sizeof(id), "site%d", i);
        assert_non_null(pp_sites_find(sites, pp_str_of(id)));
    }
    assert_null(pp_sites_find(sites, PP_LIT("site20000")));
    pp_sites_free(&sites);
}

static void what_is_no_site_changes_nothing(void **state)
{
    struct pp_sites *sites = pp_sites_new();
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(pp_sites_apply(sites, NULL, PP_LIT("{}"), &err), -1);
    assert_int_equal(err.kind, PP_ERR_INVALID);
    assert_int_equal(pp_sites_apply(sites, NULL,
                                    PP_LIT("\xC3\x01"
                                           "12345678x"),
                                    &err),
                     -1);
    assert_int_equal(err.kind, PP_ERR_AGAIN);
    assert_int_equal(pp_sites_count(sites), 0);
    pp_sites_free(&sites);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_version_of_a_site_stands),
        cmocka_unit_test(an_erased_site_stays_erased),
        cmocka_unit_test(many_sites_are_all_found),
        cmocka_unit_test(what_is_no_site_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
