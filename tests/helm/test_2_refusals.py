"""Values that fit the schema and yet make no sense together are refused in words."""
from helm import chart

DEFAULT = chart.ROOT / "tests/helm/values/default.yaml"


def with_values(**services):
    return chart.merged(chart.read(DEFAULT), {"services": services})


def lag(**more):
    return {"scale": {"lag": {"enabled": True, "from": "group", **more}}}


def says(values, *words):
    why = chart.refused(values)
    assert all(word in why for word in words), why


def test_two_scalers_of_one_service_are_refused():
    says(with_values(enricher={"scale": {"cpu": {"enabled": True}, "lag": {"enabled": True}}}), "services.enricher.scale", "both")


def test_more_consumers_than_partitions_are_refused():
    chart.template(with_values(enricher=lag(max=8)))
    says(with_values(enricher=lag(max=9)), "services.enricher.scale.lag.max", "partitions")
    says(with_values(writer={"scale": {"cpu": {"enabled": True, "max": 9}}}), "services.writer.scale.cpu.max")
    chart.template(chart.merged(with_values(enricher=lag(max=9)), {"topics": {"partitions": 9}}))
    says(with_values(meter={"replicas": 9}), "services.meter.replicas", "partitions")
    chart.template(with_values(meter={"replicas": 8}, relay={"replicas": 9}, enricher={"replicas": 9, **lag(max=8)}))


def test_a_scaler_of_another_group_topic_or_offset_policy_is_refused():
    right = {"group": "enricher", "topic": "pawprint.hits.v1", "offsetResetPolicy": "earliest"}
    chart.template(with_values(enricher=lag(**right)))
    for what, wrong in {"group": "writer", "topic": "hits.v1", "offsetResetPolicy": "latest"}.items():
        says(with_values(enricher=lag(**{**right, what: wrong})), f"services.enricher.scale.lag.{what}", right[what])
    says(chart.merged(with_values(enricher=lag(**right)), {"topicPrefix": "acme."}), "acme.hits.v1")


def test_scaling_by_what_services_say_needs_somebody_to_ask():
    says(with_values(writer={"scale": {"lag": {"enabled": True}}}), "connections.prometheus.url")


def test_a_least_number_above_the_most_is_refused():
    says(with_values(collector={"scale": {"cpu": {"enabled": True, "min": 11}}}), "min is above max")
    says(with_values(enricher=lag(min=8, max=7)), "min is above max")


def test_a_server_that_is_needed_and_not_named_is_asked_for():
    for path in ("kafka.brokers", "clickhouse.url", "postgres.host", "redis.host"):
        values = chart.read(DEFAULT)
        name, key = path.split(".")
        del values["connections"][name][key]
        says(values, f"connections.{path}")


def test_a_server_that_nothing_needs_is_not_asked_for():
    values = chart.read(DEFAULT)
    del values["connections"]["redis"]
    values["services"] = {name: {"enabled": False} for name in ("collector", "enricher", "billing")}
    chart.template(values)


def test_secrets_without_a_secret_are_refused():
    says(with_values(billing={"secrets": {"existingSecret": ""}}), "services.billing.secrets.existingSecret")
    values = chart.read(DEFAULT)
    values["connections"]["kafka"]["sasl"] = {"mechanism": "PLAIN"}
    says(values, "connections.kafka.sasl.existingSecret")
    values = chart.read(DEFAULT)
    del values["services"]["billing"]["secrets"]["keys"]["PAWPRINT_STRIPE_KEY"]
    says(values, "PAWPRINT_STRIPE_KEY", "PAWPRINT_BILLING")


def test_static_membership_of_what_is_no_consumer_is_refused():
    says(with_values(relay={"membership": "static"}), "services.relay.membership")


def test_a_route_that_leads_nowhere_is_refused():
    routed = {"route": {"hosts": ["c.example"]}}
    on = {"routing": {"ingress": {"enabled": True}}}
    hops = {"settings": {"PAWPRINT_TRUSTED_HOPS": 1}}
    chart.template(chart.merged(with_values(collector={**routed, **hops}), on))
    says(with_values(collector={**routed, **hops}), "services.collector.route.hosts", "routing.ingress.enabled")
    says(chart.merged(with_values(notifier={**routed, **hops}), on), "services.notifier.route.hosts", "PAWPRINT_LINK_URL")
    says(chart.merged(with_values(writer=routed), on), "services.writer.route.hosts: it has no public port")
    says(chart.merged(with_values(collector={**routed, **hops}), {"routing": {"gateway": {"enabled": True}}}), "routing.gateway.parents")
    says(chart.merged(with_values(), {"routing": {"certManager": {"enabled": True}}}), "routing.certManager.issuer.name")


def test_a_collector_behind_a_proxy_has_to_know_of_it():
    values = with_values(collector={"route": {"hosts": ["c.example"]}})
    says(chart.merged(values, {"routing": {"ingress": {"enabled": True}}}), "PAWPRINT_TRUSTED_HOPS", "all visitors are one")


def test_two_services_at_one_address_are_refused():
    routed = {"route": {"hosts": ["one.example"]}, "settings": {"PAWPRINT_TRUSTED_HOPS": 1}}
    links = {"settings": {"PAWPRINT_TRUSTED_HOPS": 1, "PAWPRINT_LINK_URL": "https://one.example"}}
    on = {"routing": {"ingress": {"enabled": True}}}
    values = chart.merged(with_values(collector=routed), on)
    says(chart.merged(values, {"services": {"billing": {"route": {"hosts": ["one.example"]}}}}), "one.example/ is of services.billing")
    chart.template(chart.merged(values, {"services": {"notifier": {**routed, **links}}}))  # below /n/


def test_a_monitor_that_no_policy_lets_in_is_refused():
    values = chart.merged(chart.read(DEFAULT), {"monitoring": {"serviceMonitor": {"enabled": True}}})
    says(values, "networkPolicy.metricsFrom")
    chart.template(chart.merged(values, {"networkPolicy": {"enabled": False}}))


def test_backups_that_lead_nowhere_or_would_be_readable_are_refused():
    values = chart.merged(chart.read(DEFAULT), {"backups": {"enabled": True, "target": "s3://bucket", "existingSecret": "backups"}})
    chart.template(values)
    says(chart.merged(values, {"backups": {"target": ""}}), "backups.target")
    says(chart.merged(values, {"backups": {"existingSecret": ""}}), "backups.existingSecret")
    says(chart.merged(values, {"backups": {"target": "/a/folder"}}), "target")
