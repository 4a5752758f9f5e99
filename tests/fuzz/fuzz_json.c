/*
 * Any bytes as JSON: read within their bounds, or refused. A text that was
 * read is written, and read again as the same.
 */
#include <stdlib.h>

#include "pp_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(struct pp_str text, struct pp_arena *arena)
{
    struct pp_json json;
    struct pp_buf out;

    pp_buf_init(&out, (size_t)1 << 20);
    pp_json_add_str(&out, text);
    pp_json_init(&json, pp_buf_str(&out), arena, 1);
    if (pp_json_next(&json) != PP_JSON_STRING || !pp_str_eq(json.str, text) ||
        pp_json_next(&json) != PP_JSON_END)
        abort();
    pp_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str text = {(const char *)data, size};
    enum pp_json_token token;
    struct pp_arena arena;
    struct pp_json json;
    int64_t whole;
    double real;

    pp_arena_init(&arena, (size_t)1 << 20);
    pp_json_init(&json, text, &arena, 16);
    while ((token = pp_json_next(&json)) > PP_JSON_END) {
        if (token == PP_JSON_STRING || token == PP_JSON_KEY)
            write_and_read(json.str, &arena);
        if (token == PP_JSON_NUMBER) {
            (void)pp_json_int64(json.str, &whole);
            (void)pp_json_double(json.str, &real);
        }
    }
    pp_json_init(&json, text, &arena, 16);
    (void)pp_json_skip(&json, pp_json_next(&json));
    pp_arena_fini(&arena);
    return 0;
}
