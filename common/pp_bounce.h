#ifndef PP_BOUNCE_H
#define PP_BOUNCE_H

#include "pp_dsn.h"
#include "pp_err.h"
#include "pp_pg.h"

/*
 * Takes in the mails that mail servers write about ours, and has Postgres
 * record what they say: an address that takes no mail gets nothing more, and
 * where the mail was about a depleted account, the staff is told. The function
 * bounce_record() of the database does all of it in one statement.
 */
enum pp_bounce {
    PP_BOUNCE_SUPPRESSED, /* permanent: the address is on the list now */
    PP_BOUNCE_LOGGED,     /* transient: only written down */
    PP_BOUNCE_REPEATED,   /* was reported before */
    PP_BOUNCE_DELIVERED,  /* nothing is wrong */
    PP_BOUNCE_NO_REPORT,  /* as PP_DSN_NO_REPORT ... */
    PP_BOUNCE_NO_STATUS,
    PP_BOUNCE_NO_MESSAGE_ID,
    PP_BOUNCE_UNKNOWN_MESSAGE, /* about a mail that is none of ours */
    PP_BOUNCES,                /* how many */
};

/* As metrics and the CLI have it: "suppressed". */
const char *pp_bounce_name(enum pp_bounce bounce);

/* Any thread, with a connection of its own. The same mail may come again. */
int pp_bounce_take(struct pp_pg *pg, struct pp_str mail,
                   enum pp_bounce *bounce_out, struct pp_err *err);

#endif
