/*
 * Any bytes as the value of a header, as a body, and as an address: no line is
 * long, nothing but ASCII comes out, and nobody ends a header early.
 */
#include <stdlib.h>
#include <string.h>

#include "mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Lines ended by CRLF, each short and of printable ASCII. */
static void check_lines(struct pp_str text, bool folded)
{
    size_t begin = 0;

    check(text.n >= 2 && memcmp(text.p + text.n - 2, "\r\n", 2) == 0);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\r') {
            check(i + 1 < text.n && text.p[i + 1] == '\n' && i - begin <= 76);
            begin = i + 2;
            check(!folded || begin == text.n || text.p[begin] == ' ');
            i++;
            continue;
        }
        check(text.p[i] >= ' ' || (!folded && text.p[i] == '\t'));
        check(text.p[i] < 0x7F);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str text = {(const char *)data, size};
    struct pp_str name, address;
    struct pp_err err;
    struct pp_buf out;

    pp_buf_init(&out, 64 * size + 4096);
    mail_add_header(&out, "Subject", text);
    check(!out.overflow);
    check_lines(pp_buf_str(&out), true);
    pp_buf_reset(&out);
    mail_add_quoted(&out, text);
    if (out.n)
        check_lines(pp_buf_str(&out), false);
    if (mail_read_mailbox(text, &name, &address, &err) == 0) {
        check(mail_is_address(address));
        for (size_t i = 0; i < address.n; i++)
            check(address.p[i] > ' ' && !strchr("<>\"(),:;\\", address.p[i]));
    }
    pp_buf_fini(&out);
    return 0;
}
