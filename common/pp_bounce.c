#include "pp_bounce.h"

#include <stdio.h>
#include <string.h>

#include "pp_buf.h"
#include "pp_mem.h"
#include "pp_template.h"

#define ID_CHARS         32 /* as the notifier makes them, before the @ */
#define DIAGNOSTIC_BYTES 300

static const char *const names[PP_BOUNCES] = {
    [PP_BOUNCE_SUPPRESSED] = "suppressed",
    [PP_BOUNCE_LOGGED] = "logged",
    [PP_BOUNCE_REPEATED] = "repeated",
    [PP_BOUNCE_DELIVERED] = "delivered",
    [PP_BOUNCE_NO_REPORT] = "no_report",
    [PP_BOUNCE_NO_STATUS] = "no_status",
    [PP_BOUNCE_NO_MESSAGE_ID] = "no_message_id",
    [PP_BOUNCE_UNKNOWN_MESSAGE] = "unknown_message",
};

const char *pp_bounce_name(enum pp_bounce bounce)
{
    return names[bounce];
}

/* The part of a Message-ID that the message decides; false: not of our form. */
static bool read_id(struct pp_str message_id, char id[static ID_CHARS + 1])
{
    if (pp_str_find(message_id, '@') != ID_CHARS)
        return false;
    for (size_t i = 0; i < ID_CHARS; i++)
        if (!memchr("0123456789abcdef", message_id.p[i], 16))
            return false;
    memcpy(id, message_id.p, ID_CHARS);
    id[ID_CHARS] = '\0';
    return true;
}

static int record(struct pp_pg *pg, const struct pp_dsn *dsn, const char *id,
                  enum pp_bounce *bounce_out, struct pp_err *err)
{
    char status[16];
    const char *values[4] = {id, status,
                             dsn->kind == PP_DSN_PERMANENT ? "t" : "f"};
    struct pp_pg_rows rows;
    struct pp_buf said;
    int result;

    snprintf(status, sizeof(status), "%.*s", PP_ARG(dsn->status));
    pp_buf_init(&said, (size_t)8 * DIAGNOSTIC_BYTES);
    pp_template_escape(&said,
                       pp_str_cut_utf8(dsn->diagnostic, DIAGNOSTIC_BYTES),
                       PP_TEMPLATE_HEADER);
    pp_buf_add_byte(&said, '\0');
    values[3] = said.p;
    result = pp_pg_query(pg, "SELECT bounce_record($1, $2, $3::bool, $4)", 4,
                         values, &rows, err);
    *bounce_out = PP_BOUNCE_UNKNOWN_MESSAGE;
    for (int i = 0; result == 0 && i < PP_BOUNCES; i++)
        if (strcmp(pp_pg_text(&rows, 0, 0), names[i]) == 0)
            *bounce_out = (enum pp_bounce)i;
    pp_pg_rows_fini(&rows);
    pp_buf_fini(&said);
    return result;
}

int pp_bounce_take(struct pp_pg *pg, struct pp_str mail,
                   enum pp_bounce *bounce_out, struct pp_err *err)
{
    char id[ID_CHARS + 1];
    struct pp_dsn dsn;

    pp_dsn_read(mail, &dsn);
    switch (dsn.kind) {
    case PP_DSN_NO_REPORT:
        *bounce_out = PP_BOUNCE_NO_REPORT;
        return 0;
    case PP_DSN_NO_STATUS:
        *bounce_out = PP_BOUNCE_NO_STATUS;
        return 0;
    case PP_DSN_NO_MESSAGE_ID:
        *bounce_out = PP_BOUNCE_NO_MESSAGE_ID;
        return 0;
    case PP_DSN_DELIVERED:
        *bounce_out = PP_BOUNCE_DELIVERED;
        return 0;
    case PP_DSN_PERMANENT:
    case PP_DSN_TRANSIENT:
        break;
    }
    *bounce_out = PP_BOUNCE_UNKNOWN_MESSAGE;
    return read_id(dsn.message_id, id) ? record(pg, &dsn, id, bounce_out, err)
                                       : 0;
}
