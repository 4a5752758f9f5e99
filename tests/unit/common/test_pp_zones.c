/* Zones by name, from a folder of their own that changes. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pp_zones.h"

#include "zones.h"

static const int64_t SUMMER_MS = 1782907200000; /* 2026-07-01 12:00 */

/* A folder with UTC and Here, and what is said of it. */
static char folder[64];

static void run(const char *command)
{
    char line[512];

    snprintf(line, sizeof(line), "cd %s && %s", folder, command);
    if (system(line) != 0)
        fail_msg("%s", line);
}

/* As a package does it: a new file takes the old one's place at once. */
static void put(const char *name, const char *zone)
{
    char command[256];

    snprintf(command, sizeof(command), "cp $OLDPWD/%s/%s new && mv new %s",
             FROZEN_ZONES, zone, name);
    run(command);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/pawprint-zones-XXXXXX");
    assert_non_null(mkdtemp(folder));
    put("UTC", "UTC");
    put("Here", "Europe/Berlin");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    run("rm -r $PWD");
    return 0;
}

static struct pp_zones *open_zones(size_t max_count, int recheck_ms)
{
    struct pp_zones *zones;
    struct pp_err err;

    if (pp_zones_open(&zones, folder, max_count, recheck_ms, &err) < 0)
        fail_msg("%s", err.msg);
    return zones;
}

/* Of the clocks there in summer. */
static int offset_hours(struct pp_zones *zones, const char *name)
{
    struct pp_zone *zone;
    struct pp_err err;
    int hours;

    if (pp_zones_get(zones, pp_str_of(name), &zone, &err) < 0)
        fail_msg("%s: %s", name, err.msg);
    hours = pp_zone_offset_s(zone, SUMMER_MS) / 3600;
    pp_zone_free(&zone);
    return hours;
}

static enum pp_err_kind error_of(struct pp_zones *zones, const char *name)
{
    struct pp_zone *zone = NULL;
    struct pp_err err = {0};

    if (pp_zones_get(zones, pp_str_of(name), &zone, &err) == 0)
        pp_zone_free(&zone);
    return err.kind;
}

static void a_name_leads_nowhere_else(void **state)
{
    static const char *const wrong[] = {
        "",
        "/",
        "/etc/passwd",
        "..",
        "../UTC",
        "Europe/..",
        "Europe/../UTC",
        "Europe//Berlin",
        "Europe/",
        ".",
        "./UTC",
        "UTC.",
        "localtime",
        "posixrules",
        "Factory",
        "posix/UTC",
        "right/UTC",
        "zone.tab",
        "leap-seconds.li",
        "UTC\n",
        "U TC",
        "Zürich",
        "1UTC",
        "-UTC",
        "%s",
        "A:B",
        "Etc/+1",
        "tzdata.zi",
    };
    static const char *const right[] = {
        "UTC",     "Europe/Berlin",
        "GMT+0",   "Etc/GMT-14",
        "EST5EDT", "America/Port-au-Prince",
        "W-SU",    "Zulu",
        "GB-Eire", "America/North_Dakota/New_Salem",
    };
    char longest[PP_ZONE_NAME_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < PP_COUNT(wrong); i++)
        if (pp_zone_name_ok(pp_str_of(wrong[i])))
            fail_msg("'%s' is taken", wrong[i]);
    for (size_t i = 0; i < PP_COUNT(right); i++)
        if (!pp_zone_name_ok(pp_str_of(right[i])))
            fail_msg("'%s' is not taken", right[i]);
    assert_false(pp_zone_name_ok((struct pp_str){"UTC\0", 4}));
    memset(longest, 'a', sizeof(longest));
    assert_true(pp_zone_name_ok((struct pp_str){longest, sizeof(longest) - 2}));
    assert_false(
        pp_zone_name_ok((struct pp_str){longest, sizeof(longest) - 1}));
}

static void only_a_file_that_is_a_zone_is_one(void **state)
{
    struct pp_zones *zones = open_zones(8, 0);

    (void)state;
    run("mkdir Folder && echo nothing >Text && mkfifo Pipe");
    run("head -c 300000 /dev/zero >Large");
    assert_int_equal(error_of(zones, "There"), PP_ERR_INVALID);
    assert_int_equal(error_of(zones, "Here/There"), PP_ERR_INVALID);
    assert_int_equal(error_of(zones, "Folder"), PP_ERR_INVALID);
    assert_int_equal(error_of(zones, "Text"), PP_ERR_INVALID);
    assert_int_equal(error_of(zones, "Pipe"), PP_ERR_INVALID);
    assert_int_equal(error_of(zones, "Large"), PP_ERR_INVALID);
    assert_int_equal(error_of(zones, "Here"), PP_ERR_NONE);
    pp_zones_close(&zones);
}

static void an_upgrade_is_noticed_without_a_restart(void **state)
{
    struct pp_zones *zones = open_zones(8, 0);
    struct pp_zone *old;
    struct pp_err err;

    (void)state;
    assert_int_equal(pp_zones_get(zones, PP_LIT("Here"), &old, &err), 0);
    put("Here", "America/New_York");
    assert_int_equal(offset_hours(zones, "Here"), -4);
    /* who has the old one keeps it */
    assert_int_equal(pp_zone_offset_s(old, SUMMER_MS), 7200);
    pp_zone_free(&old);
    pp_zones_close(&zones);
}

static void within_its_time_a_zone_is_not_looked_up_again(void **state)
{
    struct pp_zones *zones = open_zones(8, 3600000);

    (void)state;
    assert_int_equal(offset_hours(zones, "Here"), 2);
    put("Here", "America/New_York");
    assert_int_equal(offset_hours(zones, "Here"), 2);
    pp_zones_close(&zones);
}

static void a_zone_stays_when_its_file_is_broken_or_gone(void **state)
{
    struct pp_zones *zones = open_zones(8, 0);

    (void)state;
    assert_int_equal(offset_hours(zones, "Here"), 2);
    run("echo broken >Here");
    assert_int_equal(offset_hours(zones, "Here"), 2);
    run("rm Here");
    assert_int_equal(offset_hours(zones, "Here"), 2);
    put("Here", "America/New_York");
    assert_int_equal(offset_hours(zones, "Here"), -4);
    pp_zones_close(&zones);
}

static void the_zone_asked_for_longest_ago_makes_place(void **state)
{
    struct pp_zones *zones = open_zones(2, 3600000); /* UTC is one */

    (void)state;
    put("There", "Europe/Dublin");
    assert_int_equal(offset_hours(zones, "Here"), 2);
    assert_int_equal(offset_hours(zones, "UTC"), 0);
    /* Here makes place, so the new file is read; UTC still is as it was */
    assert_int_equal(offset_hours(zones, "There"), 1);
    put("UTC", "Asia/Kathmandu");
    put("Here", "America/New_York");
    assert_int_equal(offset_hours(zones, "UTC"), 0);
    assert_int_equal(offset_hours(zones, "Here"), -4);
    pp_zones_close(&zones);
}

static void without_tzdata_nothing_begins(void **state)
{
    struct pp_zones *zones = NULL;
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(pp_zones_open(&zones, "/nowhere", 8, 0, &err), -1);
    assert_int_equal(err.kind, PP_ERR_FATAL);
    assert_null(zones);
}

static void the_release_is_what_the_folder_says(void **state)
{
    struct pp_zones *zones = open_zones(8, 0);
    char release[PP_ZONES_RELEASE_BYTES];

    (void)state;
    pp_zones_release(zones, release);
    assert_string_equal(release, "unknown");
    run("echo '# version 2026f' >tzdata.zi");
    pp_zones_release(zones, release);
    assert_string_equal(release, "2026f");
    pp_zones_close(&zones);
}

static void an_old_name_has_a_new_one(void **state)
{
    static const struct {
        const char *name, *canonical;
    } cases[] = {
        {"US/Eastern", "America/New_York"},
        {"Asia/Calcutta", "Asia/Kolkata"},
        {"Europe/Kiev", "Europe/Kyiv"},
        {"GB", "Europe/London"},
        /* names that countries go by, whatever their clocks share */
        {"Europe/Berlin", "Europe/Berlin"},
        {"Europe/Vatican", "Europe/Vatican"},
        {"Europe/Bratislava", "Europe/Bratislava"},
        /* and those of no country */
        {"UTC", "UTC"},
        {"GMT", "GMT"},
        {"Etc/GMT+5", "Etc/GMT+5"},
        {"Here/There", "Here/There"},
    };
    char canonical[PP_ZONE_NAME_BYTES];
    struct pp_zones *zones;
    struct pp_err err = {0};

    (void)state;
    assert_int_equal(pp_zones_open(&zones, PP_ZONES_FOLDER, 8, 0, &err), 0);
    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        assert_int_equal(pp_zones_canonical(zones, pp_str_of(cases[i].name),
                                            canonical, &err),
                         0);
        assert_string_equal(canonical, cases[i].canonical);
    }
    assert_int_equal(
        pp_zones_canonical(zones, PP_LIT("../UTC"), canonical, &err), -1);
    assert_int_equal(err.kind, PP_ERR_INVALID);
    pp_zones_close(&zones);
}

static void without_the_texts_a_name_stays(void **state)
{
    struct pp_zones *zones = open_zones(8, 0);
    char canonical[PP_ZONE_NAME_BYTES];
    struct pp_err err;

    (void)state;
    assert_int_equal(
        pp_zones_canonical(zones, PP_LIT("US/Eastern"), canonical, &err), 0);
    assert_string_equal(canonical, "US/Eastern");
    pp_zones_close(&zones);
}

/* --- threads ---------------------------------------------------------------
 */

static void *ask_often(void *context)
{
    static const char *const names[] = {"UTC", "Here", "There"};
    struct pp_zones *zones = context;

    for (int i = 0; i < 300; i++) {
        struct pp_zone *zone;
        struct pp_err err;

        if (pp_zones_get(zones, pp_str_of(names[i % 3]), &zone, &err) < 0)
            return zones;
        (void)pp_zone_offset_s(zone, SUMMER_MS);
        pp_zone_free(&zone);
    }
    return NULL;
}

static void threads_share_zones_while_files_change(void **state)
{
    struct pp_zones *zones;
    pthread_t threads[4];
    void *failed;

    (void)state;
    put("There", "Europe/Dublin");
    zones = open_zones(2, 0);
    for (size_t i = 0; i < PP_COUNT(threads); i++)
        pthread_create(&threads[i], NULL, ask_often, zones);
    put("Here", "America/New_York");
    put("There", "Asia/Kathmandu");
    for (size_t i = 0; i < PP_COUNT(threads); i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    pp_zones_close(&zones);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_leads_nowhere_else),
        cmocka_unit_test_setup_teardown(only_a_file_that_is_a_zone_is_one,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(an_upgrade_is_noticed_without_a_restart,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            within_its_time_a_zone_is_not_looked_up_again, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(
            a_zone_stays_when_its_file_is_broken_or_gone, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(
            the_zone_asked_for_longest_ago_makes_place, make_folder,
            remove_folder),
        cmocka_unit_test(without_tzdata_nothing_begins),
        cmocka_unit_test_setup_teardown(the_release_is_what_the_folder_says,
                                        make_folder, remove_folder),
        cmocka_unit_test(an_old_name_has_a_new_one),
        cmocka_unit_test_setup_teardown(without_the_texts_a_name_stays,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(threads_share_zones_while_files_change,
                                        make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
