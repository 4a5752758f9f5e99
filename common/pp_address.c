#include "pp_address.h"

#include <arpa/inet.h>
#include <string.h>

/* "[2001:db8::1]:443", "192.0.2.1:443" and bare ones alike. */
static struct pp_str without_port(struct pp_str text)
{
    size_t colon = pp_str_find(text, ':');

    if (text.n && text.p[0] == '[') {
        text = pp_str_sub(text, 1, text.n);
        return pp_str_sub(text, 0, pp_str_find(text, ']'));
    }
    /* More than one colon is IPv6, whose groups are no port. */
    if (pp_str_find(pp_str_sub(text, colon + 1, text.n), ':') + colon + 1 <
        text.n)
        return text;
    return pp_str_sub(text, 0, colon);
}

struct pp_str pp_address_client(struct pp_str forwarded, struct pp_str peer,
                                int trusted_hops)
{
    struct pp_str rest = forwarded, part, client = peer;
    int count = 0;

    while (forwarded.n > 0 && pp_str_split(&rest, ',', &part))
        count++;
    if (trusted_hops < 1 || count < trusted_hops)
        return without_port(pp_str_trim(peer));
    rest = forwarded;
    for (int i = 0; i <= count - trusted_hops; i++)
        pp_str_split(&rest, ',', &client);
    return without_port(pp_str_trim(client));
}

static bool is_mapped(const unsigned char *address)
{
    static const unsigned char prefix[12] = {[10] = 0xFF, [11] = 0xFF};

    return memcmp(address, prefix, sizeof(prefix)) == 0;
}

void pp_address_prefix(struct pp_str text,
                       char prefix_out[static PP_ADDRESS_BYTES])
{
    unsigned char address[16];
    char copy[PP_ADDRESS_BYTES];

    prefix_out[0] = '\0';
    if (text.n == 0 || text.n >= sizeof(copy))
        return;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (strlen(copy) != text.n)
        return;
    if (inet_pton(AF_INET6, copy, address) == 1) {
        if (!is_mapped(address)) {
            memset(address + 6, 0, 10);
            inet_ntop(AF_INET6, address, prefix_out, PP_ADDRESS_BYTES);
            return;
        }
        memmove(address, address + 12, 4);
    } else if (inet_pton(AF_INET, copy, address) != 1) {
        return;
    }
    address[3] = 0;
    inet_ntop(AF_INET, address, prefix_out, PP_ADDRESS_BYTES);
}
