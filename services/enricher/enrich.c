#include "enrich.h"

#include "clock.h"

/* The two kinds are one list, in the same order in both schemas. */
_Static_assert((int)HIT_KIND_VITAL == (int)EVENT_KIND_VITAL, "kinds differ");

static void copy_as_is(const struct hit *hit, struct event *event)
{
    event->event_id = hit->event_id;
    event->site_id = hit->site_id;
    event->account_id = hit->account_id;
    event->retention_days = hit->retention_days;
    event->received_at_ms = hit->received_at_ms;
    event->kind = (enum event_kind)hit->kind;
    event->name = hit->name;
    event->language = hit->language;
    event->has_visitor = hit->has_visitor;
    event->visitor = hit->visitor;
    event->has_value = hit->has_value;
    event->value = hit->value;
    event->has_ttfb_ms = hit->has_ttfb_ms;
    event->ttfb_ms = hit->ttfb_ms;
    event->has_dom_ms = hit->has_dom_ms;
    event->dom_ms = hit->dom_ms;
    event->has_load_ms = hit->has_load_ms;
    event->load_ms = hit->load_ms;
    event->props = hit->props;
}

static int64_t event_at_ms(const struct hit *hit)
{
    const struct clock_times times = {
        .has_at_ms = hit->has_at_ms,
        .at_ms = hit->at_ms,
        .has_sent_at_ms = hit->has_sent_at_ms,
        .sent_at_ms = hit->sent_at_ms,
        .received_at_ms = hit->received_at_ms,
    };

    return clock_event_at_ms(&times);
}

static void add_country(const struct hit *hit, const struct geo *geo,
                        struct pp_arena *arena, struct event *event)
{
    char country[GEO_COUNTRY_BYTES];
    char *copy;

    geo_country(geo, hit->address_prefix, country);
    copy = pp_arena_text(arena, pp_str_of(country));
    event->country = pp_str_of(copy);
}

int enrich(const struct hit *hit, const struct enrich_tables *tables,
           const struct enrich_agent *agent, struct pp_arena *arena,
           struct event *event_out, const char **reason_out, struct pp_err *err)
{
    struct referrer referrer;
    struct url page;

    *event_out = (struct event){0};
    if (url_parse(hit->url, arena, &page, err) < 0) {
        *reason_out = "invalid_url";
        return -1;
    }
    copy_as_is(hit, event_out);
    event_out->event_at_ms = event_at_ms(hit);
    event_out->hostname = page.hostname;
    event_out->pathname = page.pathname;
    event_out->utm_source = page.utm_source;
    event_out->utm_medium = page.utm_medium;
    event_out->utm_campaign = page.utm_campaign;
    referrer_read(tables->referrers, hit->referrer, &page, arena, &referrer);
    event_out->referrer_host =
        referrer.internal ? (struct pp_str){NULL, 0} : referrer.host;
    event_out->source = referrer.source;
    add_country(hit, tables->geo, arena, event_out);
    event_out->browser = agent->browser;
    event_out->browser_version = agent->browser_version;
    event_out->os = agent->os;
    event_out->device = agent->device;
    event_out->bot = agent->bot;
    return 0;
}
