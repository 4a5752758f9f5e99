"""Where alerts go: the routes of Alertmanager."""
import yaml

from ops import HERE, tool
from ops.test_rules import rules

CONFIG = HERE / "alertmanager.yaml"
BOTH, SLACK, WATCHDOG = "slack_and_mail", "slack", "watchdog"


def config():
    return yaml.safe_load(CONFIG.read_text())


def receiver_of(**labels):
    code, said = tool("amtool", "config", "routes", "test", f"--config.file={CONFIG}",
                      *(f"{name}={value}" for name, value in labels.items()))
    assert code == 0, said
    return said.splitlines()[-1]  # before it stands a warning


def test_amtool_accepts_the_configuration():
    code, said = tool("amtool", "check-config", CONFIG)
    assert code == 0, said


def test_a_page_goes_to_slack_and_mail_and_a_ticket_to_slack():
    for labels, receiver in (
            ({"severity": "page", "service": "writer"}, BOTH),
            ({"severity": "ticket", "service": "writer"}, SLACK),
            ({"severity": "unheard_of"}, BOTH),
            ({"service": "writer"}, BOTH),
            ({"alertname": "PawprintWatchdog", "severity": "none"}, WATCHDOG),
    ):
        got = receiver_of(**labels)
        assert got == receiver, f"{labels} go to {got}"


def test_each_alert_that_there_is_goes_where_its_severity_says():
    wanted = {"page": BOTH, "ticket": SLACK, "none": WATCHDOG}
    for name, rule in rules().items():
        got = receiver_of(alertname=name, **rule["labels"])
        assert got == wanted[rule["labels"]["severity"]], f"{name} goes to {got}"
    return f"{len(rules())} alerts"


def test_slack_is_the_channel_alerts_and_no_secret_stands_in_the_file():
    for receiver in config()["receivers"]:
        for slack in receiver.get("slack_configs", []):
            assert slack["channel"] == "#alerts", slack
            assert "api_url" not in slack, "the address of Slack's webhook is a secret"
    assert not {"slack_api_url", "smtp_auth_password"} & set(config()["global"])


def test_what_is_mended_is_told_too():
    for receiver in config()["receivers"]:
        for kind in ("slack_configs", "email_configs"):
            assert all(one["send_resolved"] for one in receiver.get(kind, []))
