#include "pp_registry.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "pp_httpc.h"
#include "pp_json.h"
#include "pp_mem.h"

#define LEARNED_MAX   64
#define CALL_MS       5000
#define CONNECT_MS    2000
#define ANSWER_BYTES  ((size_t)1 << 20)
#define REQUEST_BYTES ((size_t)1 << 20)
#define URL_BYTES     ((size_t)4096)
#define JSON_DEPTH    16

struct pp_registry {
    struct pp_httpc *httpc; /* NULL: there is no registry */
    const char *url;        /* the caller's */
    size_t count;
    struct {
        uint64_t fingerprint;
        uint32_t id;
    } learned[LEARNED_MAX];
};

int pp_registry_open(struct pp_registry **registry_out, const char *url,
                     struct pp_err *err)
{
    static const struct pp_httpc_options options = {
        .connect_ms = CONNECT_MS, .answer_bytes = ANSWER_BYTES};
    struct pp_registry *registry = pp_calloc(1, sizeof(*registry));

    *registry_out = registry;
    registry->url = url;
    if (!url || !url[0])
        return 0;
    return pp_httpc_open(&registry->httpc, &options, err);
}

void pp_registry_close(struct pp_registry **registry)
{
    if (!*registry)
        return;
    pp_httpc_close(&(*registry)->httpc);
    free(*registry);
    *registry = NULL;
}

/* --- learning ------------------------------------------------------------- */

/* {"id":7} among whatever else; false when there is no such number. */
static bool read_id(struct pp_str answer, uint32_t *id_out)
{
    struct pp_arena arena;
    enum pp_json_token token;
    struct pp_json json;
    bool found = false;
    int64_t id = 0;

    pp_arena_init(&arena, ANSWER_BYTES);
    pp_json_init(&json, answer, &arena, JSON_DEPTH);
    if (pp_json_next(&json) == PP_JSON_OBJECT)
        while (pp_json_next(&json) == PP_JSON_KEY) {
            bool is_id = pp_str_eq(json.str, PP_LIT("id"));

            token = pp_json_next(&json);
            if (is_id && token == PP_JSON_NUMBER)
                found =
                    pp_json_int64(json.str, &id) && id >= 0 && id <= UINT32_MAX;
            if (!pp_json_skip(&json, token))
                break;
        }
    pp_arena_fini(&arena);
    *id_out = (uint32_t)id;
    return found;
}

static int judge(const struct pp_httpc_answer *answer, const char *topic,
                 uint32_t *id_out, struct pp_err *err)
{
    if (answer->status == 200 && read_id(answer->body, id_out))
        return 0;
    if (answer->status >= 500 || answer->status == 200 ||
        answer->status == 408 || answer->status == 429)
        return pp_err_set(err, PP_ERR_AGAIN,
                          "the schema registry answered %d about %s",
                          answer->status, topic);
    return pp_err_set(err, PP_ERR_FATAL,
                      "the schema registry does not take the schema of %s: "
                      "it answered %d (409: incompatible with an older one, "
                      "401 or 403: other credentials are needed)",
                      topic, answer->status);
}

static int ask(struct pp_registry *registry, const char *topic,
               const char *schema, uint32_t *id_out, struct pp_err *err)
{
    static const char *const headers[] = {
        "Content-Type: application/vnd.schemaregistry.v1+json", NULL};
    struct pp_str root = pp_str_of(registry->url);
    struct pp_httpc_answer answer;
    struct pp_buf url, body;
    int result;

    if (pp_str_ends(root, PP_LIT("/")))
        root.n--;
    pp_buf_init(&url, URL_BYTES);
    pp_buf_init(&body, REQUEST_BYTES);
    pp_buf_printf(&url, "%.*s/subjects/", PP_ARG(root));
    pp_httpc_escape(&url, pp_str_of(topic));
    pp_buf_printf(&url, "-value/versions");
    pp_buf_printf(&body, "{\"schema\":");
    pp_json_add_str(&body, pp_str_of(schema));
    pp_buf_printf(&body, "}");
    result = pp_httpc_run(registry->httpc,
                          &(struct pp_httpc_call){.method = "POST",
                                                  .url = url.p,
                                                  .headers = headers,
                                                  .body = pp_buf_str(&body),
                                                  .timeout_ms = CALL_MS},
                          &answer, err);
    if (result == 0)
        result = judge(&answer, topic, id_out, err);
    pp_buf_fini(&body);
    pp_buf_fini(&url);
    return result;
}

int pp_registry_learn(struct pp_registry *registry, const char *topic,
                      const char *schema, uint64_t fingerprint,
                      struct pp_err *err)
{
    uint32_t id;

    if (!registry->httpc)
        return 0;
    for (size_t i = 0; i < registry->count; i++)
        if (registry->learned[i].fingerprint == fingerprint)
            return 0;
    assert(registry->count < LEARNED_MAX);
    if (ask(registry, topic, schema, &id, err) < 0)
        return -1;
    registry->learned[registry->count].fingerprint = fingerprint;
    registry->learned[registry->count++].id = id;
    return 0;
}

/* --- frames --------------------------------------------------------------- */

void pp_registry_put(const struct pp_registry *registry, uint64_t fingerprint,
                     struct pp_buf *out)
{
    struct pp_avro_frame frame = {.kind = PP_AVRO_SINGLE_OBJECT,
                                  .fingerprint = fingerprint};

    if (registry && registry->httpc) {
        size_t i = 0;

        while (i < registry->count &&
               registry->learned[i].fingerprint != fingerprint)
            i++;
        assert(i < registry->count); /* it was never learned */
        frame.kind = PP_AVRO_CONFLUENT;
        frame.schema_id = registry->learned[i].id;
    }
    pp_avro_frame_put(out, &frame);
}

int pp_registry_get(const struct pp_registry *registry, struct pp_str *message,
                    uint64_t *fingerprint_out, struct pp_err *err)
{
    struct pp_avro_frame frame;

    if (pp_avro_frame_get(message, &frame, err) < 0)
        return -1;
    *fingerprint_out = frame.fingerprint;
    if (frame.kind == PP_AVRO_SINGLE_OBJECT)
        return 0;
    for (size_t i = 0; registry && i < registry->count; i++)
        if (registry->learned[i].id == frame.schema_id) {
            *fingerprint_out = registry->learned[i].fingerprint;
            return 0;
        }
    return pp_err_set(err, PP_ERR_AGAIN,
                      registry && registry->httpc
                          ? "a record of schema %" PRIu32
                            ", which a newer program knows"
                          : "a record of schema %" PRIu32
                            " of a registry: SCHEMA_REGISTRY_URL is not set",
                      frame.schema_id);
}
