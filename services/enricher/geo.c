#include "geo.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <maxminddb.h>

#include "pp_mem.h"

struct geo {
    MMDB_s mmdb;
};

/* The two letters of a value, in upper case; empty for any other value. */
static void copy_code(const MMDB_entry_data_s *data,
                      char country_out[static GEO_COUNTRY_BYTES])
{
    char code[GEO_COUNTRY_BYTES] = "";

    country_out[0] = '\0';
    if (!data->has_data || data->type != MMDB_DATA_TYPE_UTF8_STRING ||
        data->data_size != 2)
        return;
    for (int i = 0; i < 2; i++) {
        code[i] = data->utf8_string[i];
        if (code[i] >= 'a' && code[i] <= 'z')
            code[i] = (char)(code[i] - ('a' - 'A'));
        if (code[i] < 'A' || code[i] > 'Z')
            return;
    }
    /* ISO 3166-1 leaves ZZ to its users, and they say "unknown" with it. */
    if (strcmp(code, "ZZ") != 0)
        memcpy(country_out, code, GEO_COUNTRY_BYTES);
}

/* MMDB_SUCCESS also when the entry names no country. */
static int entry_country(const MMDB_entry_s *entry,
                         char country_out[static GEO_COUNTRY_BYTES])
{
    static const char *const nested[] = {"country", "iso_code", NULL};
    static const char *const flat[] = {"country_code", NULL};
    const char *const *const layouts[] = {nested, flat};
    MMDB_entry_s start = *entry;

    country_out[0] = '\0';
    for (size_t i = 0; i < PP_COUNT(layouts) && !country_out[0]; i++) {
        MMDB_entry_data_s data;
        int status = MMDB_aget_value(&start, &data, layouts[i]);

        if (status == MMDB_SUCCESS)
            copy_code(&data, country_out);
        else if (status != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
            return status;
    }
    return MMDB_SUCCESS;
}

/*
 * One side of a node. seen has a bit for each byte of the data section, since
 * many networks share an entry; *countries counts those that name one.
 */
static int check_record(const MMDB_s *mmdb, uint64_t record, uint8_t type,
                        const MMDB_entry_s *entry, unsigned char *seen,
                        size_t *countries)
{
    char country[GEO_COUNTRY_BYTES];
    unsigned char bit = (unsigned char)(1 << entry->offset % 8);
    int status;

    if (type == MMDB_RECORD_TYPE_EMPTY)
        return MMDB_SUCCESS;
    if (type == MMDB_RECORD_TYPE_SEARCH_NODE)
        return record < mmdb->metadata.node_count
                   ? MMDB_SUCCESS
                   : MMDB_CORRUPT_SEARCH_TREE_ERROR;
    if (type != MMDB_RECORD_TYPE_DATA ||
        entry->offset >= mmdb->data_section_size)
        return MMDB_CORRUPT_SEARCH_TREE_ERROR;
    if (seen[entry->offset / 8] & bit)
        return MMDB_SUCCESS;
    seen[entry->offset / 8] |= bit;
    status = entry_country(entry, country);
    *countries += country[0] != '\0';
    return status;
}

static int check_all(const MMDB_s *mmdb, size_t *countries)
{
    unsigned char *seen = pp_calloc(1, mmdb->data_section_size / 8 + 1);
    int status = MMDB_SUCCESS;

    for (uint32_t i = 0; i < mmdb->metadata.node_count && !status; i++) {
        MMDB_search_node_s node;

        status = MMDB_read_node(mmdb, i, &node);
        if (!status)
            status = check_record(mmdb, node.left_record, node.left_record_type,
                                  &node.left_record_entry, seen, countries);
        if (!status)
            status =
                check_record(mmdb, node.right_record, node.right_record_type,
                             &node.right_record_entry, seen, countries);
    }
    free(seen);
    return status;
}

int geo_open(struct geo **geo_out, const char *path, struct pp_err *err)
{
    struct geo *geo = pp_calloc(1, sizeof(*geo));
    size_t countries = 0;
    int status = MMDB_open(path, MMDB_MODE_MMAP, &geo->mmdb);

    if (status != MMDB_SUCCESS) {
        free(geo);
        return pp_err_set(err, PP_ERR_FATAL, "cannot open %s: %s", path,
                          MMDB_strerror(status));
    }
    status = check_all(&geo->mmdb, &countries);
    if (status == MMDB_SUCCESS && countries > 0) {
        *geo_out = geo;
        return 0;
    }
    geo_close(&geo);
    return pp_err_set(err, PP_ERR_FATAL, "cannot use %s: %s", path,
                      status ? MMDB_strerror(status)
                             : "nothing in it names a country");
}

void geo_close(struct geo **geo)
{
    if (!*geo)
        return;
    MMDB_close(&(*geo)->mmdb);
    free(*geo);
    *geo = NULL;
}

void geo_country(const struct geo *geo, struct pp_str address,
                 char country_out[static GEO_COUNTRY_BYTES])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } where = {0};
    char text[INET6_ADDRSTRLEN];
    MMDB_lookup_result_s found;
    int status;

    country_out[0] = '\0';
    if (!address.n || address.n >= sizeof text ||
        memchr(address.p, '\0', address.n))
        return;
    memcpy(text, address.p, address.n);
    text[address.n] = '\0';
    if (inet_pton(AF_INET, text, &where.v4.sin_addr) == 1)
        where.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &where.v6.sin6_addr) == 1)
        where.any.sa_family = AF_INET6;
    else
        return;
    found = MMDB_lookup_sockaddr(&geo->mmdb, &where.any, &status);
    if (status == MMDB_SUCCESS && found.found_entry &&
        entry_country(&found.entry, country_out) != MMDB_SUCCESS)
        country_out[0] = '\0';
}

int64_t geo_built_at_ms(const struct geo *geo)
{
    uint64_t built_at_s = geo->mmdb.metadata.build_epoch;

    return built_at_s > INT64_MAX / 1000 ? INT64_MAX
                                         : (int64_t)built_at_s * 1000;
}
