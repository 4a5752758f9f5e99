#include "checkout_form.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pp_mem.h"

#include "stripe.h"

#define URL_BYTES 4096

/* Of both Checkout and the portal. */
static const char *const locales[] = {
    "bg",    "cs",  "da", "de", "el", "en", "en-GB", "es", "es-419", "et",
    "fi",    "fil", "fr", "hr", "hu", "id", "it",    "ja", "ko",     "lt",
    "lv",    "ms",  "mt", "nb", "nl", "pl", "pt",    "ro", "ru",     "pt-BR",
    "fr-CA", "sk",  "sl", "sv", "th", "tr", "vi",    "zh", "zh-HK",  "zh-TW"};

static bool is_same(struct pp_str wanted, const char *locale)
{
    struct pp_str known = pp_str_of(locale);

    if (wanted.n != known.n)
        return false;
    for (size_t i = 0; i < known.n; i++) {
        struct pp_str letter = pp_str_sub(wanted, i, 1);
        bool is_dash = known.p[i] == '-' && *letter.p == '_';

        if (!is_dash && !pp_str_eq_nocase(letter, pp_str_sub(known, i, 1)))
            return false;
    }
    return true;
}

static const char *find(struct pp_str wanted)
{
    for (size_t i = 0; i < PP_COUNT(locales); i++)
        if (is_same(wanted, locales[i]))
            return locales[i];
    return NULL;
}

const char *checkout_form_locale(const char *locale)
{
    const char *found = find(pp_str_of(locale));

    if (!found)
        found = find(pp_str_sub(pp_str_of(locale), 0, strcspn(locale, "-_")));
    return found ? found : "auto";
}

/* --- a session in which a plan is paid ------------------------------------ */

/* What taxes are reckoned from is asked for, and kept with the customer. */
static void add_tax(struct pp_buf *form)
{
    stripe_form_add(form, "automatic_tax[enabled]", "true");
    stripe_form_add(form, "tax_id_collection[enabled]", "true");
    stripe_form_add(form, "customer_update[address]", "auto");
    stripe_form_add(form, "customer_update[name]", "auto");
}

/* Who gave no way to pay until it ends has no plan from then on, and no debt.
 */
static void add_trial(struct pp_buf *form, int days)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", days);
    stripe_form_add(form, "payment_method_collection", "if_required");
    stripe_form_add(form, "subscription_data[trial_period_days]", text);
    stripe_form_add(form,
                    "subscription_data[trial_settings][end_behavior][missing_"
                    "payment_method]",
                    "pause");
}

void checkout_form_session(const struct checkout_session_form *is,
                           const struct checkout_options *options,
                           struct pp_buf *form)
{
    char expires[24], back[URL_BYTES];

    snprintf(expires, sizeof(expires), "%" PRId64, is->expires_at_s);
    snprintf(back, sizeof(back), "%s?checkout=done", is->returns_to);
    stripe_form_add(form, "mode", "subscription");
    stripe_form_add(form, "customer", is->customer);
    stripe_form_add(form, "client_reference_id", is->account_id);
    stripe_form_add(form, "line_items[0][price]", is->price);
    stripe_form_add(form, "line_items[0][quantity]", "1");
    stripe_form_add(form, "success_url", back);
    stripe_form_add(form, "cancel_url", is->returns_to);
    stripe_form_add(form, "metadata[account_id]", is->account_id);
    stripe_form_add(form, "subscription_data[metadata][account_id]",
                    is->account_id);
    stripe_form_add(form, "expires_at", expires);
    stripe_form_add(form, "locale", checkout_form_locale(is->locale));
    if (options->promotion_codes)
        stripe_form_add(form, "allow_promotion_codes", "true");
    if (options->tax)
        add_tax(form);
    if (options->trial_days > 0 && is->is_first)
        add_trial(form, options->trial_days);
}

/* --- the portal ----------------------------------------------------------- */

/* Leads straight to one thing, and back when it is done. */
static void add_flow(struct pp_buf *form, const struct checkout_portal_form *is,
                     const char *type)
{
    char name[64];

    stripe_form_add(form, "flow_data[type]", type);
    stripe_form_add(form, "flow_data[after_completion][type]", "redirect");
    stripe_form_add(form, "flow_data[after_completion][redirect][return_url]",
                    is->returns_to);
    if (is->flow == WISH_PAYMENT)
        return;
    snprintf(name, sizeof(name), "flow_data[%s][subscription]", type);
    stripe_form_add(form, name, is->subscription);
}

void checkout_form_portal(const struct checkout_portal_form *is,
                          const struct checkout_options *options,
                          struct pp_buf *form)
{
    stripe_form_add(form, "customer", is->customer);
    stripe_form_add(form, "return_url", is->returns_to);
    stripe_form_add(form, "configuration", options->portal);
    stripe_form_add(form, "locale", checkout_form_locale(is->locale));
    switch (is->flow) {
    case WISH_ANY:
        break;
    case WISH_UPDATE:
        add_flow(form, is, "subscription_update");
        break;
    case WISH_CANCEL:
        add_flow(form, is, "subscription_cancel");
        break;
    case WISH_PAYMENT:
        add_flow(form, is, "payment_method_update");
        break;
    }
}
