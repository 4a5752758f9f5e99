/*
 * Every zone of the system, every change from 2000 to 2040, and local times
 * around each: against Python's zoneinfo, from the same files. zone_oracle.py
 * says how it looks for changes: every week, or ZONE_ORACLE_HOURS=6, which
 * takes a minute.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pp_str.h"
#include "pp_zones.h"

#include "test.h"

#define LAST_MS  INT64_C(2240524800000) /* 2041-01-01 */
#define FIRST_MS INT64_C(946684800000)  /* 2000-01-01 */

/* Fewer than these were not all zones. */
#define ZONES_MIN   400
#define CHANGES_MIN 10000

struct comparison {
    struct pp_zones *zones;
    struct pp_zone *zone; /* of which the lines are */
    char name[PP_ZONE_NAME_BYTES];
    int64_t at_ms; /* of its last change */
    int32_t offset_s;
    size_t zone_count, change_count, local_count, differ_count;
};

static void differ(struct comparison *all, const char *what, const char *line)
{
    if (all->differ_count++ < 20)
        print_error("%s: %s at %s", all->name, what, line);
}

static void end_zone(struct comparison *all)
{
    int64_t at_ms;

    if (all->zone && pp_zone_next_change(all->zone, all->at_ms, &at_ms) &&
        at_ms < LAST_MS)
        differ(all, "a change that there is not", "its end\n");
    pp_zone_free(&all->zone);
}

static void begin_zone(struct comparison *all, const char *line)
{
    struct pp_err err;

    end_zone(all);
    if (sscanf(line, "zone %63s %" SCNd32, all->name, &all->offset_s) != 2 ||
        pp_zones_get(all->zones, pp_str_of(all->name), &all->zone, &err) < 0)
        fail_msg("%s is no zone", line);
    if (pp_zone_offset_s(all->zone, FIRST_MS) != all->offset_s)
        differ(all, "another offset", line);
    all->at_ms = FIRST_MS;
    all->zone_count++;
}

static void compare_change(struct comparison *all, const char *line)
{
    int64_t at_s, at_ms = 0;
    int32_t offset_s;

    if (sscanf(line, "change %" SCNd64 " %" SCNd32, &at_s, &offset_s) != 2)
        fail_msg("what is '%s'?", line);
    if (!pp_zone_next_change(all->zone, all->at_ms, &at_ms) ||
        at_ms != at_s * 1000)
        differ(all, "another change", line);
    all->at_ms = at_s * 1000;
    if (pp_zone_offset_s(all->zone, all->at_ms - 1) != all->offset_s ||
        pp_zone_offset_s(all->zone, all->at_ms) != offset_s)
        differ(all, "another offset", line);
    all->offset_s = offset_s;
    all->change_count++;
}

static void compare_local(struct comparison *all, const char *line)
{
    int64_t local_s, at_s, last_at_s;
    struct pp_zone_instant found;
    int shown;

    if (sscanf(line, "local %" SCNd64 " %" SCNd64 " %" SCNd64 " %d", &local_s,
               &at_s, &last_at_s, &shown) != 4)
        fail_msg("what is '%s'?", line);
    found = pp_zone_find(all->zone, local_s * 1000);
    if (found.at_ms != at_s * 1000 || found.last_at_ms != last_at_s * 1000 ||
        (int)found.shown != shown)
        differ(all, "another instant", line);
    if (shown != PP_ZONE_NEVER &&
        pp_zone_local_ms(all->zone, at_s * 1000) != local_s * 1000)
        differ(all, "another local time", line);
    all->local_count++;
}

static void compare_line(struct comparison *all, const char *line)
{
    switch (line[0]) {
    case 'z':
        begin_zone(all, line);
        break;
    case 'c':
        compare_change(all, line);
        break;
    default:
        compare_local(all, line);
    }
}

static FILE *oracle(const char *folder)
{
    const char *hours = getenv("ZONE_ORACLE_HOURS");
    char command[160];

    snprintf(command, sizeof(command), "tests/unit/common/zone_oracle.py %s %d",
             folder, hours ? atoi(hours) : 168);
    return popen(command, "re");
}

static void compare_folder(const char *folder)
{
    struct comparison all = {0};
    FILE *lines = oracle(folder);
    struct pp_err err;
    char line[128];

    assert_non_null(lines);
    assert_int_equal(pp_zones_open(&all.zones, folder, 8, 3600000, &err), 0);
    while (fgets(line, sizeof(line), lines))
        compare_line(&all, line);
    end_zone(&all);
    pp_zones_close(&all.zones);
    assert_int_equal(pclose(lines), 0);
    print_message("%zu zones, %zu changes, %zu local times, %zu differ\n",
                  all.zone_count, all.change_count, all.local_count,
                  all.differ_count);
    assert_int_equal(all.differ_count, 0);
    assert_true(all.zone_count >= ZONES_MIN);
    assert_true(all.change_count >= CHANGES_MIN);
}

static void all_zones_do_what_zoneinfo_says(void **state)
{
    (void)state;
    compare_folder(PP_ZONES_FOLDER);
}

/*
 * Debian's files list all changes until 2037, others leave them to a rule. For
 * Ojinaga the zic of Debian 12 writes a rule that contradicts the last change
 * before it, a year early, so there is no right answer.
 */
static void so_they_do_where_files_leave_the_most_to_a_rule(void **state)
{
    char folder[] = "/tmp/pawprint-zones-XXXXXX", command[256];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof(command),
             "/usr/sbin/zic -b slim -d %s " PP_ZONES_FOLDER
             "/tzdata.zi && rm %s/America/Ojinaga",
             folder, folder);
    assert_int_equal(system(command), 0);
    compare_folder(folder);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_zones_do_what_zoneinfo_says),
        cmocka_unit_test(so_they_do_where_files_leave_the_most_to_a_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
