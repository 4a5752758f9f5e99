#include "notice.h"

#include <stdio.h>
#include <string.h>

static bool consists_of(struct pp_str text, const char *letters)
{
    for (size_t i = 0; i < text.n; i++)
        if (!text.p[i] || !strchr(letters, text.p[i]))
            return false;
    return text.n > 0;
}

bool notice_is_id(struct pp_str text)
{
    return text.n < NOTICE_ID_BYTES &&
           consists_of(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                             "WXYZ0123456789_-");
}

/* An id that is none is taken for one that is not there. */
static void copy_id(char to[static NOTICE_ID_BYTES], struct pp_str id)
{
    if (notice_is_id(id))
        snprintf(to, NOTICE_ID_BYTES, "%.*s", PP_ARG(id));
}

static void copy_word(char *to, size_t bytes, struct pp_str word)
{
    if (word.n < bytes &&
        consists_of(word, "abcdefghijklmnopqrstuvwxyz0123456789_.-"))
        snprintf(to, bytes, "%.*s", PP_ARG(word));
}

static void read_snapshot(struct pick document, struct notice *out)
{
    bool is_customer;

    out->object = pick_at(document, "data.object");
    copy_word(out->object_type, sizeof(out->object_type),
              pick_text(pick_at(out->object, "object")));
    copy_id(out->object_id, pick_id(out->object));
    is_customer = strcmp(out->object_type, "customer") == 0;
    copy_id(out->customer, is_customer
                               ? pick_id(out->object)
                               : pick_id(pick_at(out->object, "customer")));
    out->created_ms = pick_instant_ms(pick_at(document, "created"));
}

/* It names one object, and holds nothing of it. */
static void read_thin(struct pick document, struct notice *out)
{
    struct pp_str type = pick_text(pick_at(document, "related_object.type"));

    out->is_thin = true;
    if (strncmp(out->type, "v1.", 3) == 0 && out->type[3])
        memmove(out->type, out->type + 3, strlen(out->type + 3) + 1);
    copy_word(out->object_type, sizeof(out->object_type), type);
    copy_id(out->object_id, pick_text(pick_at(document, "related_object.id")));
    if (pp_str_eq(type, PP_LIT("customer")))
        snprintf(out->customer, sizeof(out->customer), "%s", out->object_id);
}

int notice_read(struct pp_str body, struct pp_arena *arena, struct notice *out,
                struct pp_err *err)
{
    struct pick document;
    struct pp_str object;

    *out = (struct notice){.object.kind = PP_JSON_ERROR};
    if (pick_document(body, arena, &document, err) < 0)
        return -1;
    object = pick_text(pick_at(document, "object"));
    copy_id(out->id, pick_text(pick_at(document, "id")));
    copy_word(out->type, sizeof(out->type),
              pick_text(pick_at(document, "type")));
    if (!out->id[0] || !out->type[0])
        return pp_err_set(err, PP_ERR_INVALID, "the event has no id or type");
    copy_word(out->api_version, sizeof(out->api_version),
              pick_text(pick_at(document, "api_version")));
    out->is_live = pick_is_true(pick_at(document, "livemode"));
    if (pp_str_eq(object, PP_LIT("event")))
        read_snapshot(document, out);
    else if (pp_str_eq(object, PP_LIT("v2.core.event")))
        read_thin(document, out);
    else
        return pp_err_set(err, PP_ERR_INVALID, "it is no event");
    return 0;
}
