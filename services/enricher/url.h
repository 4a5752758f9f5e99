#ifndef URL_H
#define URL_H

#include <stdint.h>

#include "pp_arena.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * The address of a page, taken apart into what an event keeps of it.
 *
 * Strict where a mistake would put a page on the wrong host, and where
 * something private could slip in; otherwise it keeps what the browser sent.
 * Pure functions; safe from any thread with an arena of its own.
 */

#define URL_HOSTNAME_MAX_BYTES 253 /* RFC 1035, 2.3.4, without the last dot */
#define URL_PATHNAME_MAX_BYTES 2048
#define URL_UTM_MAX_BYTES      256

/* What url_parse() takes from the arena for a text of n bytes, at most. */
#define URL_ARENA_BYTES(n) ((n) + URL_HOSTNAME_MAX_BYTES + 64)

/*
 * The advertisers whose click ids we know. We keep that one was there, and
 * never the id, which stands for a person.
 */
enum url_click {
    URL_GCLID = 1 << 0,     /* Google Ads */
    URL_GBRAID = 1 << 1,    /* Google Ads, from apps on iOS */
    URL_WBRAID = 1 << 2,    /* Google Ads, from the web to apps on iOS */
    URL_DCLID = 1 << 3,     /* Google Display */
    URL_MSCLKID = 1 << 4,   /* Microsoft Advertising */
    URL_FBCLID = 1 << 5,    /* Facebook and Instagram */
    URL_TWCLID = 1 << 6,    /* Twitter */
    URL_TTCLID = 1 << 7,    /* TikTok */
    URL_LI_FAT_ID = 1 << 8, /* LinkedIn */
    URL_RDT_CID = 1 << 9,   /* Reddit */
    URL_EPIK = 1 << 10,     /* Pinterest */
    URL_SCCID = 1 << 11,    /* Snapchat */
    URL_YCLID = 1 << 12,    /* Yandex Direct */
};

/* Every text points into the parsed text or into the arena. */
struct url {
    struct pp_str hostname; /* lower case, without port and last dot */
    struct pp_str pathname; /* starts with '/'; percent-encoded as sent */
    struct pp_str query;    /* as sent, without '?'; may hold private things */
    struct pp_str utm_source; /* these three decoded, at most 256 bytes */
    struct pp_str utm_medium;
    struct pp_str utm_campaign;
    unsigned clicks; /* enum url_click, added up */
};

/*
 * Takes an http or https address apart.
 *
 * PP_ERR_INVALID, with a reason that quotes nothing of the text, when it is
 * anything else: another scheme, a user name or password, a backslash, blank
 * or "%" in the host, no host or one that is too long or has an empty label,
 * a port that is no number up to 65,535, a control character (NUL, a line
 * end, DEL, U+0080 to U+009F) or bytes that are not UTF-8 anywhere. An IPv6
 * host keeps its brackets; a host in other than ASCII letters stays as sent,
 * only A to Z become lower case. The fragment is dropped. A path beyond
 * URL_PATHNAME_MAX_BYTES is cut between characters.
 *
 * Of a utm parameter given twice the first counts; its name is compared
 * without case. Its value is decoded ("+" is a blank, "%41" is an A; a "%"
 * without two hex digits stays) and trimmed. When that gives a control
 * character or no UTF-8 the value stays as sent, still encoded.
 *
 * PP_ERR_FATAL when the arena has not URL_ARENA_BYTES left. *out is filled in
 * only on success.
 */
int url_parse(struct pp_str text, struct pp_arena *arena, struct url *out,
              struct pp_err *err);

#endif
