#ifndef PP_TEMPLATE_H
#define PP_TEMPLATE_H

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * Texts with holes, strict and without logic.
 *
 *   {{name}}                 the value, escaped for where the text goes
 *   {{#name}} ... {{/name}}  only where name has a value
 *   {{^name}} ... {{/name}}  only where it has none
 *
 * Names are declared: one that was not is an error when the template is
 * read, at the start of a program, and not when a message is due. There is no
 * way to put a value in without escaping. A value is text; an empty one counts
 * as none. One thread at a time.
 */
enum pp_template_context {
    PP_TEMPLATE_TEXT,   /* UTF-8 without control characters but line ends */
    PP_TEMPLATE_HTML,   /* also within quoted attributes; line ends: <br> */
    PP_TEMPLATE_HEADER, /* of a mail: one line */
    PP_TEMPLATE_JSON,   /* within the quotes of a JSON string */
    PP_TEMPLATE_URL,    /* a part of a URL, or of a form */
    PP_TEMPLATE_SLACK,  /* Slack's text: nothing becomes a link or a mention */
};

/* How deep sections may stand within each other. */
#define PP_TEMPLATE_DEPTH_MAX 8

struct pp_template;

/*
 * text and names are borrowed for as long as the template lives. A name is
 * letters, digits and _. PP_ERR_FATAL says at which byte what is wrong;
 * *template_out is then NULL.
 */
int pp_template_open(struct pp_template **template_out, struct pp_str text,
                     const struct pp_str *names, size_t count,
                     struct pp_err *err);
void pp_template_close(struct pp_template **template);

/* Adds the text, with values[i] for names[i]. */
void pp_template_render(const struct pp_template *template,
                        const struct pp_str *values,
                        enum pp_template_context context, struct pp_buf *out);

/*
 * Adds any bytes, escaped. What is not UTF-8 becomes U+FFFD, control
 * characters become blanks.
 */
void pp_template_escape(struct pp_buf *out, struct pp_str value,
                        enum pp_template_context context);

#endif
