#include "guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "pp_mem.h"
#include "pp_str.h"

#define NETWORK_BYTES 64

/*
 * What is not of the public internet, by the registries of special-purpose
 * addresses (RFC 6890 and what updates it) and of multicast.
 */
static const char special[] =
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 "
    "172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 "
    "198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4";
static const char special6[] = "2001::/23 2001:db8::/32 3fff::/20";

/* Only of these is anything public, of them not what is special. */
static const char global6[] = "2000::/3";

/* An IPv4 address stands behind these bits: mapped, NAT64, 6to4. */
static const struct {
    const char *prefix;
    size_t bytes;
} carriers[] = {
    {"\0\0\0\0\0\0\0\0\0\0\xFF\xFF", 12},
    {"\x00\x64\xFF\x9B\0\0\0\0\0\0\0\0", 12},
    {"\x20\x02", 2},
};

static bool read_address(const char *text, uint8_t address[static 16],
                         unsigned *bits_max)
{
    memcpy(address, carriers[0].prefix, 12);
    *bits_max = 32;
    if (inet_pton(AF_INET, text, address + 12) == 1)
        return true;
    *bits_max = 128;
    return inet_pton(AF_INET6, text, address) == 1;
}

static bool read_network(struct pp_str text, struct guard_network *network)
{
    size_t slash = pp_str_find(text, '/');
    char address[NETWORK_BYTES];
    unsigned bits_max;
    int64_t bits;

    if (slash >= sizeof(address))
        return false;
    memcpy(address, text.p, slash);
    address[slash] = '\0';
    if (!read_address(address, network->address, &bits_max))
        return false;
    bits = bits_max;
    if (slash < text.n &&
        (!pp_str_int64(pp_str_sub(text, slash + 1, text.n), &bits) ||
         bits < 0 || bits > bits_max))
        return false;
    network->bits = (unsigned)bits + 128 - bits_max;
    return true;
}

int guard_read(struct guard *guard, const char *list, struct pp_err *err)
{
    struct pp_str rest = pp_str_of(list);

    guard->count = 0;
    while (rest.n) {
        size_t end = 0;
        struct pp_str word;

        while (end < rest.n && !strchr(" ,\t", rest.p[end]))
            end++;
        word = pp_str_sub(rest, 0, end);
        rest = pp_str_sub(rest, end + 1, rest.n);
        if (word.n == 0)
            continue;
        if (guard->count == GUARD_NETWORKS_MAX ||
            !read_network(word, &guard->allowed[guard->count]))
            return pp_err_set(err, PP_ERR_FATAL,
                              "no network, or too many: %.*s",
                              PP_ARG(pp_str_sub(word, 0, NETWORK_BYTES)));
        guard->count++;
    }
    return 0;
}

static bool has_bits(const struct guard_network *network,
                     const uint8_t address[static 16])
{
    unsigned bytes = network->bits / 8, rest = network->bits % 8;

    if (memcmp(network->address, address, bytes) != 0)
        return false;
    return rest == 0 ||
           ((network->address[bytes] ^ address[bytes]) >> (8 - rest)) == 0;
}

static bool is_within(const char *list, const uint8_t address[static 16])
{
    struct pp_err err;
    struct guard networks;

    if (guard_read(&networks, list, &err) < 0)
        return true; /* a list of ours that is wrong lets nothing through */
    for (size_t i = 0; i < networks.count; i++)
        if (has_bits(&networks.allowed[i], address))
            return true;
    return false;
}

/* The address as sixteen bytes; false when it is of another family. */
static bool bytes_of(const struct sockaddr *from, uint8_t address[static 16])
{
    if (from->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, from, sizeof(in));
        memcpy(address, carriers[0].prefix, 12);
        memcpy(address + 12, &in.sin_addr, 4);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, from, sizeof(in6));
        memcpy(address, &in6.sin6_addr, 16);
        return true;
    }
    return false;
}

static bool is_public(const uint8_t address[static 16])
{
    for (size_t i = 0; i < PP_COUNT(carriers); i++) {
        size_t bytes = carriers[i].bytes;
        uint8_t inner[16];

        if (memcmp(address, carriers[i].prefix, bytes) != 0)
            continue;
        memcpy(inner, carriers[0].prefix, 12);
        memcpy(inner + 12, address + bytes, 4);
        return !is_within(special, inner);
    }
    return is_within(global6, address) && !is_within(special6, address);
}

bool guard_lists(const struct guard *guard, const struct sockaddr *from)
{
    uint8_t address[16];

    if (!bytes_of(from, address))
        return false;
    for (size_t i = 0; i < guard->count; i++)
        if (has_bits(&guard->allowed[i], address))
            return true;
    return false;
}

bool guard_allows(const struct guard *guard, const struct sockaddr *from)
{
    uint8_t address[16];

    return guard_lists(guard, from) ||
           (bytes_of(from, address) && is_public(address));
}
