#include "geo.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#define DATA "tests/data/geo/"

static struct geo *opened(const char *path)
{
    struct geo *geo = NULL;
    struct pp_err err;

    if (geo_open(&geo, path, &err) < 0)
        fail_msg("%s", err.msg);
    return geo;
}

static void expect(const struct geo *geo, struct pp_str address,
                   const char *country)
{
    char got[GEO_COUNTRY_BYTES] = "??";

    geo_country(geo, address, got);
    if (strcmp(got, country) != 0)
        fail_msg("%.*s is in '%s', not '%s'", PP_ARG(address), got, country);
}

static void maxminds_layout_gives_maxminds_answers(void **state)
{
    struct geo *geo = opened(DATA "GeoLite2-Country-Test.mmdb");
    FILE *file = fopen(DATA "vectors.tsv", "re");
    char *line = NULL;
    size_t room = 0, vectors = 0;

    (void)state;
    assert_non_null(file);
    while (getline(&line, &room, file) > 0) {
        char *tab = strchr(line, '\t');

        if (line[0] == '#')
            continue;
        assert_non_null(tab);
        tab[1 + strcspn(tab + 1, "\n")] = '\0';
        *tab = '\0';
        expect(geo, pp_str_of(line), tab + 1);
        vectors++;
    }
    assert_int_equal(vectors, 244);
    free(line);
    (void)fclose(file);
    geo_close(&geo);
    assert_null(geo);
    geo_close(&geo);
}

static void the_flat_layout_gives_the_country_of_a_network(void **state)
{
    static const struct {
        const char *address, *country;
    } cases[] = {
        {"192.0.2.0", "DE"},
        {"192.0.2.255", "DE"},
        {"198.51.100.0", "FR"},
        {"2001:db8::", "NL"},
        {"2001:db8:1::", "BR"},
        {"::ffff:192.0.2.0", ""},
        /* the table spells it small, or says that it does not know */
        {"203.0.113.0", "JP"},
        {"203.0.113.128", ""},
        {"100.64.0.0", ""},
        {"100.65.0.0", ""},
        {"100.66.0.0", ""},
        /* not in the table */
        {"10.0.0.0", ""},
        {"2001:db8:2::", ""},
    };
    struct geo *geo = opened(DATA "flat.mmdb");

    (void)state;
    for (size_t i = 0; i < PP_COUNT(cases); i++)
        expect(geo, pp_str_of(cases[i].address), cases[i].country);
    assert_int_equal(geo_built_at_ms(geo), 1700000000000);
    geo_close(&geo);
}

static void what_is_no_address_is_in_no_country(void **state)
{
    static const struct pp_str texts[] = {
        {NULL, 0},
        {"x", 1},
        {"192.0.2", 7},
        {"192.0.2.0/24", 12},
        {"192.0.2.0\0", 10},
        {"\0", 1},
        {"[2001:db8::]", 12},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000", 49},
    };
    struct geo *geo = opened(DATA "flat.mmdb");

    (void)state;
    for (size_t i = 0; i < PP_COUNT(texts); i++)
        expect(geo, texts[i], "");
    geo_close(&geo);
}

static void a_table_of_ipv4_knows_no_ipv6(void **state)
{
    struct geo *geo = opened(DATA "flat-ipv4.mmdb");

    (void)state;
    expect(geo, PP_LIT("192.0.2.0"), "DE");
    expect(geo, PP_LIT("2001:db8::"), "");
    geo_close(&geo);
}

static void refused(const char *path)
{
    struct geo *geo = NULL;
    struct pp_err err = {0};

    if (geo_open(&geo, path, &err) == 0)
        fail_msg("%s is taken", path);
    assert_int_equal(err.kind, PP_ERR_FATAL);
    assert_null(geo);
}

static void a_file_that_names_no_country_is_refused(void **state)
{
    (void)state;
    refused(DATA "GeoLite2-ASN-Test.mmdb");
    refused(DATA "vectors.tsv");
    refused(DATA "no-such-file.mmdb");
    refused("tests");
}

static void a_broken_file_is_refused_when_it_is_opened(void **state)
{
    DIR *dir = opendir(DATA "bad");
    struct dirent *entry;
    int count = 0;

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        char path[512];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, DATA "bad/%s", entry->d_name);
        refused(path);
        count++;
    }
    (void)closedir(dir);
    assert_int_equal(count, 24);
}

static void a_file_cut_short_is_refused(void **state)
{
    static char bytes[64 << 10];
    FILE *file = fopen(DATA "GeoLite2-Country-Test.mmdb", "re");
    size_t n;

    (void)state;
    assert_non_null(file);
    n = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    for (size_t cut = 0; cut < n; cut += 997) {
        char path[] = "/tmp/pawprint-geo-XXXXXX";
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, cut), cut);
        (void)close(fd);
        refused(path);
        (void)unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest geo[] = {
        cmocka_unit_test(maxminds_layout_gives_maxminds_answers),
        cmocka_unit_test(the_flat_layout_gives_the_country_of_a_network),
        cmocka_unit_test(what_is_no_address_is_in_no_country),
        cmocka_unit_test(a_table_of_ipv4_knows_no_ipv6),
        cmocka_unit_test(a_file_that_names_no_country_is_refused),
        cmocka_unit_test(a_broken_file_is_refused_when_it_is_opened),
        cmocka_unit_test(a_file_cut_short_is_refused),
    };

    return cmocka_run_group_tests(geo, NULL, NULL);
}
