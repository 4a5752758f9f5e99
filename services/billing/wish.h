#ifndef WISH_H
#define WISH_H

#include "pp_plans.h"
#include "pp_str.h"

#include "web_result.h"

/*
 * What a customer asks for: a plan and how often it is to be paid, and nothing
 * else. Price, customer and addresses are ours to say, so a member that asks
 * for another one is refused. Pure; strangers write these bytes.
 */
#define WISH_BODY_BYTES 4096 /* a longer one is refused unread */
#define WISH_PLAN_BYTES 33

struct wish {
    char plan[WISH_PLAN_BYTES]; /* as it came: there may be no such plan */
    enum pp_plan_interval interval;
};

/*
 * {"plan": "BASIC", "interval": "month"}. WEB_OK, or what is wrong with it.
 */
enum web_result wish_of_json(struct pp_str body, struct wish *wish_out);

/* What the portal is opened for. */
enum wish_flow {
    WISH_ANY,     /* all that it has */
    WISH_UPDATE,  /* another plan */
    WISH_CANCEL,  /* the end of the subscription */
    WISH_PAYMENT, /* another way to pay */
};

/* An empty body, {}, or {"flow": "update"}: update, cancel, payment_method. */
enum web_result wish_flow_of_json(struct pp_str body, enum wish_flow *flow_out);

/*
 * The value of a form's field (application/x-www-form-urlencoded), decoded and
 * NUL-terminated. false: it is not there, there twice, has a NUL, or does not
 * fit.
 */
bool wish_form_value(struct pp_str form, const char *name, char *value_out,
                     size_t bytes);

/* plan=BASIC&interval=month; other fields are the form's. */
enum web_result wish_of_form(struct pp_str form, struct wish *wish_out);

/* flow=payment_method, or no such field. */
enum web_result wish_flow_of_form(struct pp_str form, enum wish_flow *flow_out);

/*
 * Which offer of the catalogue is wished for. WEB_UNKNOWN_PLAN,
 * WEB_NOT_OFFERED, or WEB_NOT_CONFIGURED: the plan has no price at all.
 */
enum web_result wish_offer(const struct wish *wish,
                           const struct pp_plans *plans,
                           const struct pp_plan **plan_out,
                           const struct pp_plan_offer **offer_out);

#endif
