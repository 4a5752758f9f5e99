#ifndef PICK_H
#define PICK_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_arena.h"
#include "pp_err.h"
#include "pp_json.h"
#include "pp_str.h"

/*
 * Picks values out of a JSON document by their names, as one reads Stripe's
 * objects: a few members of a deep tree, of which most may be missing. What is
 * not there is a pick of kind PP_JSON_ERROR, and so is all that is picked from
 * it; nothing here fails. Pure; one thread at a time.
 */
struct pick {
    enum pp_json_token kind; /* PP_JSON_ERROR: there is none */
    struct pp_str raw;       /* its text in the document, as it stands there */
    struct pp_str str;       /* of a string, without quotes and escapes */
    struct pp_arena *arena;
};

#define PICK_DEPTH 40

/*
 * The whole document, checked to its end: from here on every pick is sound.
 * text is borrowed; arena takes texts that had escapes. PP_ERR_INVALID: it is
 * no JSON.
 */
int pick_document(struct pp_str text, struct pp_arena *arena,
                  struct pick *document_out, struct pp_err *err);

/* "data.object.customer"; the first of members that have the same name. */
struct pick pick_at(struct pick from, const char *path);

/* The elements of a list, one after the other; false after the last. */
struct pick_list {
    struct pp_json json;
    bool is_list;
};

void pick_list(struct pick from, struct pick_list *list);
bool pick_next(struct pick_list *list, struct pick *element_out);

bool pick_is_there(struct pick value); /* and not null */
bool pick_is_true(struct pick value);

/* What it is a text of, or an empty one. */
struct pp_str pick_text(struct pick value);

/* An id that stands as such or, expanded, in its object. */
struct pp_str pick_id(struct pick value);

/* A whole number; 0 where there is none. Seconds become milliseconds. */
int64_t pick_number(struct pick value);
int64_t pick_instant_ms(struct pick seconds);

#endif
