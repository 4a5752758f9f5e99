"""When each alert fires and when it does not.

Given the series, one value a step in promtool's notation, the alert with these
labels fires at that time, or none of its name does. Of one that waits before it
fires, that time is less than twice its wait after the cause: it is looked at a
wait earlier, too, when it has to be pending.
"""
import typing

CASES = []


class Case(typing.NamedTuple):
    alert: str
    fires: bool
    when: str
    at: str
    series: dict
    step: str
    labels: dict


def fires(alert, when, at, series, step="1m", **labels):
    CASES.append(Case(alert, True, when, at, series, step, labels))


def quiet(alert, when, at, series, step="1m"):
    CASES.append(Case(alert, False, when, at, series, step, {}))


def target(service, instance="a"):
    return f'up{{job="pawprint", service="{service}", instance="{instance}"}}'


EVERY = ("billing", "collector", "enricher", "meter", "notifier", "relay", "reports", "writer")

# --- services --------------------------------------------------------------
fires("PawprintServiceDown", "a service has not answered for two minutes", "6m",
      {target("writer"): "1 1 1 0x5"}, job="pawprint", service="writer", instance="a")
quiet("PawprintServiceDown", "it started anew within a minute", "6m",
      {target("writer"): "1 1 0 1x5"})
fires("PawprintServiceGone", "no relay is looked for", "5m",
      {target(name): "1x10" for name in EVERY if name != "relay"}, job="pawprint", service="relay")
quiet("PawprintServiceGone", "each is there, up or not", "9m",
      {target(name): "0x10" for name in EVERY})
fires("PawprintServiceFlaps", "it went and came three times", "8m",
      {target("meter"): "1 0 1 0 1 0 1 1 1"}, job="pawprint", service="meter", instance="a")
quiet("PawprintServiceFlaps", "it was started anew twice", "8m",
      {target("meter"): "1 0 1 0 1 1 1 1 1"})
fires("PawprintWatchdog", "nothing is wrong", "0m", {})

# --- collector -------------------------------------------------------------
REQUESTS = 'pawprint_collector_requests_total{result="%s", instance="%s"}'
HITS = 'pawprint_collector_hits_total{result="%s", instance="a"}'
fires("PawprintCollectorNotDurable", "Kafka confirms nothing", "4m",
      {REQUESTS % ("not_durable", "a"): "0+60x10"})
quiet("PawprintCollectorNotDurable", "it confirmed too late once", "9m",
      {REQUESTS % ("not_durable", "a"): "0 1x10"})
fires("PawprintCollectorNotReady", "one of two collectors does not become ready", "10m",
      {REQUESTS % ("not_ready", "a"): "0+60x12", REQUESTS % ("not_ready", "b"): "0x12"},
      instance="a")
quiet("PawprintCollectorNotReady", "it became ready after a minute", "10m",
      {REQUESTS % ("not_ready", "a"): "0 60x12"})
fires("PawprintCollectorTakesNothing", "hits came for two hours and then none", "2h17m",
      {HITS % "accepted": "0+12x120 1440x40"})
quiet("PawprintCollectorTakesNothing", "a few still come", "2h20m",
      {HITS % "accepted": "0+12x120 1440+1x40"})
quiet("PawprintCollectorTakesNothing", "three a minute came before", "2h20m",
      {HITS % "accepted": "0+3x120 360x40"})
quiet("PawprintCollectorTakesNothing", "none ever came", "2h20m", {HITS % "accepted": "0x160"})
fires("PawprintCollectorKnowsNoSites", "sites were known, and one collector has none", "9m",
      {'pawprint_collector_sites{instance="a"}': "4x20",
       'pawprint_collector_sites{instance="b"}': "0x20"}, instance="b")
quiet("PawprintCollectorKnowsNoSites", "none was ever made", "15m",
      {'pawprint_collector_sites{instance="a"}': "0x20"})
fires("PawprintCollectorsDiffer", "one has not heard of a new site", "15m",
      {'pawprint_collector_sites{instance="a"}': "4 5x20",
       'pawprint_collector_sites{instance="b"}': "4x21"})
quiet("PawprintCollectorsDiffer", "it heard of it later", "15m",
      {'pawprint_collector_sites{instance="a"}': "4 5x20",
       'pawprint_collector_sites{instance="b"}': "4x5 5x16"})
fires("PawprintCollectorAcksSlow", "20 requests wait where 10 a second come", "20m",
      {'pawprint_collector_waiting_requests{instance="a"}': "20x25",
       REQUESTS % ("accepted", "a"): "0+600x25"}, instance="a")
quiet("PawprintCollectorAcksSlow", "5 wait", "20m",
      {'pawprint_collector_waiting_requests{instance="a"}': "5x25",
       REQUESTS % ("accepted", "a"): "0+600x25"})
fires("PawprintCollectorLimitsAlone", "Redis is away for 10 minutes", "12m",
      {'pawprint_collector_limits_shared{instance="a"}': "1 0x15"}, instance="a")
quiet("PawprintCollectorLimitsAlone", "it was away for 5", "12m",
      {'pawprint_collector_limits_shared{instance="a"}': "1 0x5 1x9"})
fires("PawprintCollectorLimitsRefuse", "a fifth is refused for half an hour", "30m",
      {'pawprint_collector_limited_total{limit="network", instance="a"}': "0+200x40",
       REQUESTS % ("accepted", "a"): "0+800x40",
       REQUESTS % ("rate_limited", "a"): "0+200x40"}, limit="network")
quiet("PawprintCollectorLimitsRefuse", "a twentieth is", "35m",
      {'pawprint_collector_limited_total{limit="network", instance="a"}': "0+50x40",
       REQUESTS % ("accepted", "a"): "0+950x40",
       REQUESTS % ("rate_limited", "a"): "0+50x40"})
fires("PawprintCollectorBucketsEvicted", "12,000 buckets an hour had to make place", "1h",
      {'pawprint_collector_limit_evicted_buckets{instance="a"}': "0+200x60"}, instance="a")
quiet("PawprintCollectorBucketsEvicted", "4,800 had", "1h",
      {'pawprint_collector_limit_evicted_buckets{instance="a"}': "0+80x60"})
fires("PawprintCollectorHitsUncounted", "one more than before", "20m",
      {'pawprint_collector_uncounted_hits{instance="a"}': "3x10 4x20"}, instance="a")
quiet("PawprintCollectorHitsUncounted", "there were some long ago", "2h",
      {'pawprint_collector_uncounted_hits{instance="a"}': "0 3x130"})
CAPACITY_UNKNOWN = 'pawprint_collector_capacity_unknown_hits_total{instance="a"}'
fires("PawprintCollectorCapacityUnknown", "it goes on", "25m",
      {CAPACITY_UNKNOWN: "0+5x30"}, instance="a")
quiet("PawprintCollectorCapacityUnknown", "it was so at the start", "25m",
      {CAPACITY_UNKNOWN: "5 9x30"})

# --- enricher, writer, meter: what they have in common ---------------------
for name in ("enricher", "writer", "meter"):
    waits = f'pawprint_{name}_schema_waits_total{{instance="a"}}'
    lag = f'pawprint_{name}_lag_records{{instance="%s"}}'
    alert = f"Pawprint{name.capitalize()}"
    fires(f"{alert}SchemaUnknown", "a partition waits, and is tried again", "5m",
          {waits: "0 0 1 2 3 4"}, instance="a")
    quiet(f"{alert}SchemaUnknown", "one waited half an hour ago", "35m", {waits: "0 1x40"})
    fires(f"{alert}Lags", "two processes have 60,000 each for five minutes", "8m",
          {lag % "a": "60000x10", lag % "b": "60000x10"})
    quiet(f"{alert}Lags", "that was a moment only", "8m",
          {lag % "a": "60000 60000 20000x10", lag % "b": "60000 60000 20000x10"})

for name in ("writer", "meter"):
    since = f'pawprint_{name}_waiting_since_seconds{{instance="a"}}'
    alert = f"Pawprint{name.capitalize()}"
    # Time begins at 0: since second 60.
    fires(f"{alert}Waits", "the oldest has waited for two minutes", "3m",
          {since: "0 60 60 60"}, instance="a")
    quiet(f"{alert}Waits", "there is always one that waits a little", "3m",
          {since: "0 50 110 170"})
    quiet(f"{alert}Waits", "none waits", "9m", {since: "0x10"})
    gone = f'pawprint_{name}_records_gone_total{{instance="a"}}'
    fires(f"{alert}RecordsGone", "one is gone, and was so before anybody asked", "1m",
          {gone: "1 1"}, instance="a")
    quiet(f"{alert}RecordsGone", "none is", "9m", {gone: "0x10"})

# --- enricher --------------------------------------------------------------
EVENTS = 'pawprint_enricher_events_total{instance="a"}'
fires("PawprintEnricherLagNearsRetention", "more waits than comes in a day", "5h55m",
      {HITS % "accepted": "0+3000x80", 'pawprint_enricher_lag_records{instance="a"}': "10x69 900000x10"}, step="5m")
fires("PawprintEnricherLagNearsRetention", "nothing comes any more, and 5,000 wait", "6m",
      {HITS % "accepted": "0x9", 'pawprint_enricher_lag_records{instance="a"}': "5000x9"})
quiet("PawprintEnricherLagNearsRetention", "half a day's waits", "6h10m",
      {HITS % "accepted": "0+3000x80", 'pawprint_enricher_lag_records{instance="a"}': "432000x80"}, step="5m")
quiet("PawprintEnricherLagNearsRetention", "nothing comes, and 500 wait", "6h10m",
      {HITS % "accepted": "0x80", 'pawprint_enricher_lag_records{instance="a"}': "500x80"}, step="5m")
fires("PawprintEnricherStands", "hits come and nothing becomes of them", "10m",
      {HITS % "accepted": "0+60x20", EVENTS: "500x20",
       'pawprint_enricher_duplicates_total{instance="a"}': "0x20",
       'pawprint_enricher_rejects_total{reason="unframed", instance="a"}': "0x20"})
quiet("PawprintEnricherStands", "all of them are duplicates", "15m",
      {HITS % "accepted": "0+60x20", EVENTS: "500x20",
       'pawprint_enricher_duplicates_total{instance="a"}': "0+60x20",
       'pawprint_enricher_rejects_total{reason="unframed", instance="a"}': "0x20"})
quiet("PawprintEnricherStands", "no hit comes", "15m", {HITS % "accepted": "60x20", EVENTS: "500x20"})
REJECTS = 'pawprint_enricher_rejects_total{reason="invalid_url", instance="a"}'
fires("PawprintEnricherRejects", "two in a hundred have no valid address", "30m",
      {REJECTS: "0+2x40", EVENTS: "0+100x40"}, reason="invalid_url")
quiet("PawprintEnricherRejects", "one in a thousand has none", "35m",
      {REJECTS: "0+1x40", EVENTS: "0+1000x40"})

# --- writer ----------------------------------------------------------------
TWICE = 'pawprint_writer_rows_twice_total{instance="a"}'
STORED = {f'pawprint_writer_{name}_total{{instance="a"}}': "0x20"
          for name in ("rows", "rows_found", "rejects", "denied")}
FAILURES = 'pawprint_writer_insert_failures_total{verdict="%s", instance="a"}'
fires("PawprintWriterRowsTwice", "one row was found twice", "1m", {TWICE: "1 1"}, instance="a")
quiet("PawprintWriterRowsTwice", "none was", "9m", {TWICE: "0x10"})
fires("PawprintWriterLagNearsRetention", "more waits than comes in 36 hours", "5h55m",
      {EVENTS: "0+3000x80", 'pawprint_writer_lag_records{instance="a"}': "10x69 1400000x10"}, step="5m")
fires("PawprintWriterLagNearsRetention", "nothing comes any more, and 5,000 wait", "6m",
      {EVENTS: "0x9", 'pawprint_writer_lag_records{instance="a"}': "5000x9"})
quiet("PawprintWriterLagNearsRetention", "nothing comes, and 500 wait", "6m",
      {EVENTS: "0x9", 'pawprint_writer_lag_records{instance="a"}': "500x9"})
quiet("PawprintWriterLagNearsRetention", "a day's waits", "6h10m",
      {EVENTS: "0+3000x80", 'pawprint_writer_lag_records{instance="a"}': "864000x80"}, step="5m")
fires("PawprintWriterStands", "events are made and none is stored", "10m",
      {EVENTS: "0+60x20"} | STORED)
quiet("PawprintWriterStands", "no event comes", "15m", {EVENTS: "60x20"} | STORED)
quiet("PawprintWriterStands", "all of them are of an erased site", "15m",
      {EVENTS: "0+60x20"} | STORED | {'pawprint_writer_denied_total{instance="a"}': "0+60x20"})
fires("PawprintWriterTableFault", "a column is missing", "4m",
      {FAILURES % "layout": "0+6x10"}, verdict="layout")
quiet("PawprintWriterTableFault", "ClickHouse is away", "9m",
      {FAILURES % "wait": "0+6x10", FAILURES % "layout": "0x10", FAILURES % "access": "0x10"})
fires("PawprintWriterTooManyParts", "it refuses inserts for a quarter of an hour", "18m",
      {FAILURES % "crowded": "0+6x20"})
quiet("PawprintWriterTooManyParts", "it refused one", "18m", {FAILURES % "crowded": "0 1x20"})
fires("PawprintWriterRejects", "one record was rejected", "5m",
      {'pawprint_writer_rejects_total{instance="a"}': "0 0 1 1 1 1"})
quiet("PawprintWriterRejects", "none was since", "30m",
      {'pawprint_writer_rejects_total{instance="a"}': "0 1x40"})
RESTARTS = 'pawprint_writer_server_restarts{instance="a"}'
fires("PawprintClickHouseRestarts", "it started four times in an hour", "55m",
      {RESTARTS: "0x10 1x10 2x10 3x10 4x20"})
quiet("PawprintClickHouseRestarts", "it was upgraded", "55m", {RESTARTS: "0x10 1x50"})

# --- meter -----------------------------------------------------------------
COUNTED = 'pawprint_meter_events_total{instance="a"}'
AGE = 'pawprint_meter_reconcile_age_seconds{instance="a"}'
fires("PawprintMeterEventsOdd", "there was one", "1m",
      {'pawprint_meter_events_odd_total{instance="a"}': "1 1"}, instance="a")
quiet("PawprintMeterEventsOdd", "there was none", "9m",
      {'pawprint_meter_events_odd_total{instance="a"}': "0x10"})
fires("PawprintMeterStands", "events are made and none is counted", "10m",
      {EVENTS: "0+60x20", COUNTED: "7x20"})
quiet("PawprintMeterStands", "no event comes", "15m", {EVENTS: "60x20", COUNTED: "7x20"})
quiet("PawprintMeterStands", "they are counted", "15m", {EVENTS: "0+60x20", COUNTED: "0+60x20"})
fires("PawprintMeterClockOff", "one came that was ahead", "5m",
      {'pawprint_meter_clock_off_total{instance="a"}': "0 0 1 1 1 1"}, instance="a")
quiet("PawprintMeterClockOff", "none did since", "30m",
      {'pawprint_meter_clock_off_total{instance="a"}': "0 1x40"})
fires("PawprintMeterNotCompared", "the last one is an hour and a minute ago", "1m", {AGE: "3601 3661"})
quiet("PawprintMeterNotCompared", "it was 15 minutes ago", "9m", {AGE: "900x10"})
fires("PawprintMeterNeverCompared", "it runs for an hour without", "1h1m", {AGE: "-1x70"})
quiet("PawprintMeterNeverCompared", "the first came after 20 minutes", "1h1m", {AGE: "-1x20 5x50"})
fires("PawprintMeterDrifts", "200 of 50,000 differ", "40m",
      {'pawprint_meter_drift_events{instance="a"}': "200x50", COUNTED: "0+1000x50"})
quiet("PawprintMeterDrifts", "20 do", "40m",
      {'pawprint_meter_drift_events{instance="a"}': "20x50", COUNTED: "0+1000x50"})
fires("PawprintMeterDrifts", "5 of 200", "40m",
      {'pawprint_meter_drift_events{instance="a"}': "5x50", COUNTED: "0+5x50"})
quiet("PawprintMeterDrifts", "one of 200", "40m",
      {'pawprint_meter_drift_events{instance="a"}': "1x50", COUNTED: "0+5x50"})

# --- relay -----------------------------------------------------------------
ACTIVE = 'pawprint_relay_active{instance="%s"}'
fires("PawprintRelayNoneActive", "two are there and both stand by", "2m",
      {ACTIVE % "a": "1 0x5", ACTIVE % "b": "0x6"})
quiet("PawprintRelayNoneActive", "one took over", "3m", {ACTIVE % "a": "1 0x5", ACTIVE % "b": "0 1x5"})
fires("PawprintRelaySeveralActive", "both work", "3m", {ACTIVE % "a": "1x5", ACTIVE % "b": "1x5"})
quiet("PawprintRelaySeveralActive", "one stands by", "3m", {ACTIVE % "a": "1x5", ACTIVE % "b": "0x5"})

# --- backup ----------------------------------------------------------------
BACKUP = 'pawprint_reports_backup_age_seconds{instance="a"}'
DRILL = 'pawprint_reports_backup_drill_age_seconds{instance="a"}'
BAD = 'pawprint_reports_backup_failed{instance="%s"}'
fires("PawprintBackupOld", "the last one is 26 hours and a minute old", "1m", {BACKUP: "93600 93660"})
quiet("PawprintBackupOld", "it is 26 hours old", "1m", {BACKUP: "93540 93600"})
fires("PawprintBackupNever", "there was none for an hour", "65m", {BACKUP: "-1x70"})
quiet("PawprintBackupNever", "the first one was made", "65m", {BACKUP: "-1x50 5x20"})
fires("PawprintBackupUnknown", "no reports says it", "20m", {})
quiet("PawprintBackupUnknown", "one does", "20m", {BACKUP: "60x30"})
fires("PawprintBackupFailed", "a drill found a damaged one", "1m", {BAD % "a": "0 1"})
quiet("PawprintBackupFailed", "the next one was good", "3m", {BAD % "a": "0 1 0 0"})
fires("PawprintBackupDrillOld", "the last one was 8 days and a minute ago", "1m",
      {DRILL: "691200 691260"})
quiet("PawprintBackupDrillOld", "it was 8 days ago", "1m", {DRILL: "691140 691200"})
fires("PawprintBackupDrillNever", "there was none for an hour", "65m", {DRILL: "-1x70"})
quiet("PawprintBackupDrillNever", "the first one was made", "65m", {DRILL: "-1x50 5x20"})

# --- reports ---------------------------------------------------------------
ROLLUP = 'pawprint_reports_rollup_age_seconds{instance="a"}'
RUNS = 'pawprint_reports_runs_total{outcome="%s", instance="a"}'
LEFT = 'pawprint_reports_rollup_days_left{instance="a"}'
fires("PawprintRollupsOld", "the last good run is 11 minutes ago", "1m", {ROLLUP: "600 660"})
quiet("PawprintRollupsOld", "it was 10 minutes ago", "1m", {ROLLUP: "540 600"})
fires("PawprintRollupsNeverMade", "there was none for 10 minutes", "11m", {ROLLUP: "-1x15"})
quiet("PawprintRollupsNeverMade", "there was one soon", "11m", {ROLLUP: "-1x2 5x12"})
DISPATCH = 'pawprint_reports_dispatch_age_seconds{instance="a"}'
fires("PawprintMailedReportsOld", "the last good run is 11 minutes ago", "1m", {DISPATCH: "600 660"})
quiet("PawprintMailedReportsOld", "it was 10 minutes ago", "1m", {DISPATCH: "540 600"})
fires("PawprintMailedReportsNever", "there was none for 10 minutes", "11m", {DISPATCH: "-1x15"})
quiet("PawprintMailedReportsNever", "there was one soon", "11m", {DISPATCH: "-1x2 5x12"})
MISSED = 'pawprint_reports_missed_total{instance="a"}'
fires("PawprintMailedReportsMissed", "one was", "5m", {MISSED: "0 0 1 1 1 1"})
quiet("PawprintMailedReportsMissed", "none was", "5m", {MISSED: "0x6"})
fires("PawprintReportsStand", "runs ended, and then none", "27m", {RUNS % "done": "0+1x5 5x30"})
quiet("PawprintReportsStand", "one ends each minute", "30m", {RUNS % "done": "0+1x35"})
fires("PawprintReportsFail", "one fails every four minutes", "1h",
      {RUNS % "failed": " ".join(f"{n}x3" for n in range(16))})
quiet("PawprintReportsFail", "ClickHouse was away for some minutes", "1h",
      {RUNS % "failed": "0 1 2 4 5 6x60", RUNS % "lost": "0x62"})
fires("PawprintRollupDaysLeft", "one day stays wrong", "1h5m", {LEFT: "0 1x70"})
quiet("PawprintRollupDaysLeft", "it was made right by a later run", "1h5m", {LEFT: "0 1x20 0x50"})

# --- notifier --------------------------------------------------------------
OLDEST = 'pawprint_notifier_oldest_seconds{channel="%s", instance="a"}'
OUTCOME = 'pawprint_notifier_deliveries_total{channel="mail", outcome="%s", instance="a"}'
AWAY = 'pawprint_notifier_relay_away{instance="%s"}'
CONFIGURED = 'pawprint_notifier_configured{channel="%s", instance="a"}'
WAITING = 'pawprint_notifier_waiting{channel="%s", instance="a"}'
fires("PawprintMessagesWait", "a mail waits for 11 minutes", "1m",
      {OLDEST % "mail": "600 660", OLDEST % "slack": "0 0"}, channel="mail")
quiet("PawprintMessagesWait", "none waits longer than 10", "1m", {OLDEST % "mail": "540 600"})
fires("PawprintMailRelayAway", "no notifier can use it", "6m",
      {AWAY % "a": "1x10", AWAY % "b": "1x10"})
quiet("PawprintMailRelayAway", "one can", "6m", {AWAY % "a": "1x10", AWAY % "b": "0x10"})
fires("PawprintChannelNotConfigured", "an SMS waits where there is no gateway", "6m",
      {CONFIGURED % "sms": "0x10", WAITING % "sms": "1x10"}, channel="sms")
quiet("PawprintChannelNotConfigured", "nobody asks for one", "6m",
      {CONFIGURED % "sms": "0x10", WAITING % "sms": "0x10"})
fires("PawprintDeliveriesFail", "three of ten mails fail", "30m",
      {OUTCOME % "sent": "0+7x90", OUTCOME % "failed": "0+3x90"}, channel="mail")
quiet("PawprintDeliveriesFail", "one of ten does", "1h20m",
      {OUTCOME % "sent": "0+9x90", OUTCOME % "failed": "0+1x90"})
fires("PawprintDeliveriesDoubtful", "one was cut off at its end", "5m",
      {OUTCOME % "doubtful": "0 0 1 1 1 1"}, channel="mail")
quiet("PawprintDeliveriesDoubtful", "none was", "5m", {OUTCOME % "doubtful": "0x6"})
fires("PawprintNotifierTooSlow", "another had taken over", "5m",
      {'pawprint_notifier_lost_total{instance="a"}': "0 0 1 1 1 1"})
quiet("PawprintNotifierTooSlow", "none had", "5m", {'pawprint_notifier_lost_total{instance="a"}': "0x6"})
DENIED = 'pawprint_notifier_bounces_total{result="denied", instance="a"}'
fires("PawprintBouncesDenied", "two a minute", "20m", {DENIED: "0+2x20"})
quiet("PawprintBouncesDenied", "somebody tried five times", "10m", {DENIED: "0 5x20"})
LINKS = 'pawprint_notifier_links_total{what="snooze", result="%s", instance="a"}'
fires("PawprintLinksAway", "Postgres is away", "10m", {LINKS % "away": "0+1x12"})
quiet("PawprintLinksAway", "people open them", "10m",
      {LINKS % "away": "0x12", LINKS % "done": "0+9x12", LINKS % "wrong": "0+9x12"})

# --- billing ---------------------------------------------------------------
BILLING = 'pawprint_billing_%s{instance="a"}'
WEBHOOKS = 'pawprint_billing_webhooks_total{result="%s", instance="a"}'
fires("PawprintBillingEventsWait", "the oldest has 11 minutes", "1m",
      {BILLING % "events_oldest_seconds": "600 660"})
quiet("PawprintBillingEventsWait", "it has 10", "1m", {BILLING % "events_oldest_seconds": "540 600"})
fires("PawprintBillingEventsDead", "there is one", "1m", {BILLING % "events_dead": "0 1"})
quiet("PawprintBillingEventsDead", "there is none", "1m", {BILLING % "events_dead": "0 0"})
fires("PawprintStripeAway", "for five minutes", "6m", {BILLING % "stripe_away": "0 1x9"})
quiet("PawprintStripeAway", "for two", "6m", {BILLING % "stripe_away": "0 1 1 0x9"})
DENIED = 'pawprint_billing_stripe_calls_total{outcome="%s", instance="a"}'
fires("PawprintStripeRefusesKey", "it says 401", "5m", {DENIED % "denied": "0 0 1 2 3 4"})
quiet("PawprintStripeRefusesKey", "it says 500", "5m",
      {DENIED % "denied": "0x6", DENIED % "away": "0 0 1 2 3 4"})
fires("PawprintWebhooksUnavailable", "Postgres is away", "4m", {WEBHOOKS % "unavailable": "0+2x10"})
quiet("PawprintWebhooksUnavailable", "it was away for a moment", "9m",
      {WEBHOOKS % "unavailable": "0 2x10", WEBHOOKS % "taken": "0+9x11"})
fires("PawprintWebhooksRefused", "the secret is another one", "12m",
      {WEBHOOKS % "no_match": "0+1x30"}, result="no_match")
quiet("PawprintWebhooksRefused", "a scanner came by", "10m", {WEBHOOKS % "missing": "0 2x30"})
SECRETS = BILLING % "secrets"
fires("PawprintBillingNoSecret", "the last one has ended", "5m", {SECRETS: "1x3 0x10"}, instance="a")
quiet("PawprintBillingNoSecret", "billing is off", "8m", {SECRETS: "0x13"})
fires("PawprintBillingSecretsFile", "it was written halfway", "5m",
      {BILLING % "secrets_failures_total": "0 0 1 1 1 1"}, instance="a")
quiet("PawprintBillingSecretsFile", "it was read anew", "5m",
      {BILLING % "secrets_failures_total": "0x6", BILLING % "secrets_reloads_total": "0 1 2 3 4 5"})
for alert, counter in (("BillingSwept", "swept_events_total"), ("BillingDrifts", "drift_total")):
    fires(f"Pawprint{alert}", "there was one", "5m", {BILLING % counter: "0 0 1 1 1 1"})
    quiet(f"Pawprint{alert}", "there was none", "5m", {BILLING % counter: "0x6"})
SWEEP, COMPARE = BILLING % "sweep_age_seconds", BILLING % "compare_age_seconds"
fires("PawprintBillingNotSwept", "the last one is 2 hours and a minute ago", "1m", {SWEEP: "7200 7260"})
quiet("PawprintBillingNotSwept", "it was 2 hours ago", "1m", {SWEEP: "7140 7200"})
fires("PawprintBillingNeverSwept", "there was none for two hours", "2h5m", {SWEEP: "-1x130"})
quiet("PawprintBillingNeverSwept", "there was one after an hour", "2h5m", {SWEEP: "-1x60 5x70"})
fires("PawprintBillingNotCompared", "more than two days ago", "1m", {COMPARE: "172800 172860"})
quiet("PawprintBillingNotCompared", "yesterday", "1m", {COMPARE: "86400 86460"})
fires("PawprintBillingNeverCompared", "there was none for two days", "49h", {COMPARE: "-1x100"}, step="30m")
quiet("PawprintBillingNeverCompared", "there was one the first night", "49h", {COMPARE: "-1x30 5x70"}, step="30m")
SYNCS = 'pawprint_billing_syncs_total{outcome="%s", instance="a"}'
fires("PawprintBillingDoubtful", "one was", "5m", {SYNCS % "doubtful": "0 0 1 1 1 1"})
quiet("PawprintBillingDoubtful", "plans changed", "5m",
      {SYNCS % "doubtful": "0x6", SYNCS % "changed": "0 1 2 3 4 5"})
fires("PawprintBillingLimitsAlone", "Redis is away", "12m",
      {BILLING % "limits_shared": "1 0x15", SECRETS: "1x16"}, instance="a")
quiet("PawprintBillingLimitsAlone", "billing is off", "12m",
      {BILLING % "limits_shared": "0x15", SECRETS: "0x15"})
BUCKET = 'pawprint_billing_webhook_seconds_bucket{le="%s", instance="a"}'
fires("PawprintWebhooksSlow", "one in twenty takes up to five seconds", "20m",
      {BUCKET % "1": "0+95x40", BUCKET % "5": "0+100x40", BUCKET % "+Inf": "0+100x40"})
quiet("PawprintWebhooksSlow", "all take less than one", "30m",
      {BUCKET % "1": "0+100x40", BUCKET % "5": "0+100x40", BUCKET % "+Inf": "0+100x40"})
