#ifndef WEBHOOK_H
#define WEBHOOK_H

#include "pp_http.h"
#include "pp_pg.h"

#include "secrets.h"

/*
 * POST /webhooks/stripe: checks the signature over the raw body, writes the
 * event down, and only then answers 200. All requests that came in one turn
 * are written in one transaction, so that many at once cost one wait for the
 * disk. docs/billing.md has every answer. One thread, the one of the server.
 */
struct webhook;

#define WEBHOOK_BODY_BYTES ((size_t)1 << 20) /* a larger one is 413 */

struct webhook_options {
    const char *postgres;
    const char *secrets_path;
    int tolerance_s;
    bool is_live; /* the mode that this installation is of */
};

int webhook_open(struct webhook **webhook_out,
                 const struct webhook_options *options, struct pp_err *err);

/* Held requests have to be answered before: webhook_turn(). */
void webhook_close(struct webhook **webhook);

/* The route's handler; its context is struct billing_routes (desk.h). */
void webhook_http(struct pp_http_request *request, void *context);

/* Once a turn: writes what came, answers, and looks after the secrets. */
void webhook_turn(struct webhook *webhook);

/*
 * Whether events can be written now; asks Postgres where the last try failed,
 * or none was.
 */
bool webhook_is_ready(struct webhook *webhook);

void webhook_metrics_add(void);

#endif
