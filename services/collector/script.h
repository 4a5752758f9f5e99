#ifndef SCRIPT_H
#define SCRIPT_H

#include "pp_http.h"

/*
 * The script that pages carry, in each form a browser may take. The forms are
 * made from services/collector/script/ when the collector is built.
 */
enum script_encoding { SCRIPT_PLAIN, SCRIPT_GZIP, SCRIPT_BR, SCRIPT_ENCODINGS };

struct script_form {
    struct pp_str bytes;
    const char *etag; /* strong and quoted; each form has one of its own */
};

extern const struct script_form script_forms[SCRIPT_ENCODINGS];

/*
 * The smallest form that an Accept-Encoding header allows; the plain one
 * where there is no header. Weights only matter where they are 0, which
 * forbids (RFC 9110, section 12.5.3).
 */
enum script_encoding script_choose(struct pp_str accept_encoding);

/* If-None-Match names this form or *: the asker has it (RFC 9110, 13.1.2). */
bool script_is_current(struct pp_str if_none_match,
                       const struct script_form *form);

/* The handler of GET and HEAD /s.js; its context is not looked at. */
void script_get(struct pp_http_request *request, void *context);

/* Adds its metric; before there are other threads. */
void script_metrics_add(void);

#endif
