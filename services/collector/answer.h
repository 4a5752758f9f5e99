#ifndef ANSWER_H
#define ANSWER_H

#include "pp_http.h"

#include "result.h"

/*
 * How senders are told, with the headers that browsers want to see across
 * origins. docs/api/collector.md has the forms.
 */
enum answer_form {
    ANSWER_JSON,  /* {"result":"accepted"} */
    ANSWER_BATCH, /* and which hits were not accepted */
    ANSWER_PIXEL, /* an image, whatever the result */
};

/*
 * results of the count hits of a batch; NULL and 0 where there are none.
 * wait_ns: after how long what was refused for now may be sent again; 0: soon,
 * where the answer says so at all.
 */
void answer_send(struct pp_http_request *request, enum answer_form form,
                 enum result result, const enum result *results, size_t count,
                 int64_t wait_ns);

#endif
