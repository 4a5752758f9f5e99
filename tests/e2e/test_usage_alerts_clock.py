"""When an alert rule tells: by a clock that the test moves, in days, not hours.

Rules are looked at by tests/kit/alerts.c, which does what the meter's job does.
"""
import subprocess

from kit import rules, stack

BERLIN = "Europe/Berlin"
WEEKS = ("7 days 10 minutes", "14 days 10 minutes", "21 days 10 minutes",
         "28 days 10 minutes")


def usual(site, count):
    """So many came in the same hour of each of the weeks before."""
    for ago in WEEKS:
        rules.stored(site, count, ago)


def test_a_spike_is_three_times_the_median_of_the_same_hour_of_four_weeks():
    with rules.own_clock():
        rules.now_is("2027-03-10 12:00Z")
        _, site, owner = rules.old_site("spike")
        alert = rules.add(site, "spike")
        usual(site, 100)
        rules.stored(site, 5000, "7 days 70 minutes")  # of the hour before
        rules.stored(site, 5000, "14 days -10 minutes")  # of the hour after
        rules.stored(site, 299, "10 minutes")
        rules.look()
        assert rules.messages(alert) == []
        rules.stored(site, 1, "10 minutes")
        rules.look()
        assert rules.messages(alert) == ["alert_fired"]
        assert [rules.facts(alert, name) for name in (
            "value", "threshold", "usual")] == ["300", "300", "100"]
        stack.until("the mail is there", lambda: rules.mails(owner), 60)
    assert rules.subjects(owner) == ["Alert: Far more traffic than usual "
                                     "(spike)"]


def test_a_drop_is_told_and_its_end_after_three_looks():
    with rules.own_clock():
        rules.now_is("2027-03-10 12:00Z")
        _, site, owner = rules.old_site("drop")
        alert = rules.add(site, "drop")
        usual(site, 100)
        rules.stored(site, 31, "10 minutes")
        rules.look()
        assert rules.messages(alert) == []
        rules.later("55 minutes")  # what came is no longer in the window
        usual(site, 100)
        rules.stored(site, 30, "1 minute")
        rules.look(2)
        assert rules.messages(alert) == ["alert_fired"]
        assert [rules.facts(alert, name) for name in (
            "value", "threshold", "usual")] == ["30", "30", "100"]
        rules.stored(site, 3, "1 minute")  # not clearly above
        rules.look(5)
        rules.stored(site, 1, "1 minute")
        rules.look(2)
        assert rules.messages(alert) == ["alert_fired"]
        rules.look()
        assert rules.messages(alert) == ["alert_fired", "alert_resolved"]
        rules.look(5)
        stack.until("both mails", lambda: len(rules.mails(owner)) == 2, 60)
    assert rules.subjects(owner) == [
        "Alert: Far less traffic than usual (drop)",
        "Resolved: Far less traffic than usual (drop)"]


def test_a_site_of_less_than_a_week_has_neither():
    with rules.own_clock():
        rules.now_is("2027-03-10 12:00Z")
        _, site, _ = rules.old_site("young", "BASIC")
        rules.sql("UPDATE site SET created_at = pp_now() - interval '7 days' "
                  f"WHERE site_id = '{site}'")
        alerts = rules.add(site, "spike"), rules.add(site, "drop")
        rules.stored(site, 5000, "10 minutes")
        rules.look()
        assert [rules.messages(alert) for alert in alerts] == [[], []]


def test_usage_is_told_at_its_percentage_of_the_limit():
    with rules.own_clock():
        rules.now_is("2027-03-10 12:00Z")
        account, site, owner = rules.old_site("usage")
        stack.pawprint("capacity", "override", account, "--limit", "12000",
                       "--reason", "test")
        alert = rules.add(site, "usage", "--threshold", "50")

        def use(count):
            rules.sql("INSERT INTO usage_bucket VALUES "
                      f"('{account}', '2027-03-10 12:15Z', '{site}', "
                      f"'pageview', false, {count}) ON CONFLICT (account_id, "
                      "bucket_at, site_id, kind, bot) DO UPDATE SET n = "
                      "EXCLUDED.n")

        rules.later("1 hour")
        use(5999)
        rules.look()
        assert rules.messages(alert) == []
        use(6000)
        rules.look()
        assert rules.messages(alert) == ["alert_fired"]
        stack.until("the mail is there", lambda: rules.mails(owner), 60)
    words = " ".join(rules.mails(owner)[0].get_body(
        ("plain",)).get_content().split())
    assert "Value: 50 Limit: 50 " in words, words


def test_it_is_repeated_once_hourly_or_daily_while_it_lasts():
    with rules.own_clock():
        rules.now_is("2027-03-10 12:00Z")
        _, site, _ = rules.old_site("repeated", "BASIC")
        alerts = [rules.add(site, "no_data", "--repeat", repeat)
                  for repeat in ("once", "hourly", "daily")]

        def told():
            return [len(rules.messages(alert)) for alert in alerts]

        steps = (("10 12:00", [1, 1, 1]), ("10 12:58", [1, 1, 1]),
                 ("10 13:01", [1, 2, 1]), ("10 13:59", [1, 2, 1]),
                 ("10 14:02", [1, 3, 1]), ("11 11:58", [1, 4, 1]),
                 ("11 12:01", [1, 4, 2]), ("11 12:59", [1, 5, 2]))
        for at, wanted in steps:
            rules.now_is(f"2027-03-{at}Z")
            rules.look(2)
            assert told() == wanted, (at, told())
        rules.stored(site, 1, "1 minute")
        rules.look(3)
        assert [rules.messages(alert)[-1] for alert in alerts] == [
            "alert_resolved"] * 3
        assert told() == [2, 6, 3]


def test_quiet_hours_are_of_the_accounts_clock_whatever_summer_time_does():
    with rules.own_clock():
        rules.now_is(f"2027-03-27 12:00 {BERLIN}")
        _, site, _ = rules.old_site("quiet", "BASIC", BERLIN)
        by_night = rules.add(site, "no_data", "--quiet-from", "22:00",
                             "--quiet-until", "07:00", "--repeat", "hourly")
        by_day = rules.add(site, "no_data", "--quiet-from", "09:00",
                           "--quiet-until", "17:00")
        # The clock goes from 2:00 to 3:00 in the night.
        steps = (("03-27 22:00", 0, 1), ("03-28 01:30", 0, 1),
                 ("03-28 06:59", 0, 1), ("03-28 07:00", 1, 1),
                 ("03-28 08:01", 2, 1), ("03-28 22:00", 2, 1),
                 ("03-29 06:59", 2, 1), ("03-29 07:00", 3, 1))
        for at, nights, days in steps:
            rules.now_is(f"2027-{at} {BERLIN}")
            rules.look()
            assert len(rules.messages(by_night)) == nights, at
            assert len(rules.messages(by_day)) == days, at


def test_what_ended_in_quiet_hours_is_never_told():
    with rules.own_clock():
        rules.now_is("2027-03-10 23:00Z")
        _, site, _ = rules.old_site("over by morning")
        alert = rules.add(site, "no_data", "--quiet-from", "22:00",
                          "--quiet-until", "07:00")
        rules.look()
        assert rules.sql("SELECT firing FROM alert_state") == "t"
        rules.stored(site, 1, "1 minute")
        rules.look(3)
        assert rules.sql("SELECT firing FROM alert_state") == "f"
        rules.now_is("2027-03-11 07:01Z")
        rules.stored(site, 1, "1 minute")
        rules.look()
        assert rules.messages(alert) == []


def test_a_snooze_holds_back_what_is_told_after_it():
    with rules.own_clock():
        rules.now_is("2027-03-10 12:00Z")
        _, site, _ = rules.old_site("snoozed")
        alert = rules.add(site, "no_data", "--repeat", "hourly")
        rules.look()
        stack.pawprint("alert", "snooze", str(alert), "--hours", "3")
        for at in ("13:01", "14:01", "14:58"):
            rules.now_is(f"2027-03-10 {at}Z")
            rules.look()
            assert rules.messages(alert) == ["alert_fired"], at
        rules.now_is("2027-03-10 15:02Z")
        rules.look()
        assert rules.messages(alert) == ["alert_fired"] * 2
        stack.pawprint("alert", "snooze", str(alert))  # 24 hours
        rules.later("23 hours")
        rules.look()
        assert rules.messages(alert) == ["alert_fired"] * 2
        stack.pawprint("alert", "snooze", str(alert), "--hours", "0")
        rules.look()
        assert rules.messages(alert) == ["alert_fired"] * 3


def test_a_paused_site_ends_its_alert_and_nobody_is_told():
    with rules.own_clock():
        rules.now_is("2027-03-10 12:00Z")
        _, site, _ = rules.old_site("paused")
        alert = rules.add(site, "no_data", "--repeat", "hourly")
        rules.look()
        stack.pawprint("site", "pause", site)
        rules.later("2 hours")
        rules.look(4)
        assert rules.messages(alert) == ["alert_fired"]
        assert rules.sql("SELECT firing, told FROM alert_state") == "f|f"


def test_however_many_look_at_once_a_message_is_one():
    with rules.own_clock():
        rules.now_is("2027-03-10 12:00Z")
        _, site, owner = rules.old_site("looked at by many")
        alert = rules.add(site, "no_data", "--repeat", "hourly")
        for hour in range(1, 9):
            crowd = [subprocess.Popen(rules.look_command(),
                                      stdout=subprocess.DEVNULL)
                     for _ in range(4)]
            assert [one.wait(60) for one in crowd] == [0] * 4
            assert len(rules.messages(alert)) == hour
            rules.later("1 hour 1 minute")
        stack.until("eight mails", lambda: len(rules.mails(owner)) == 8, 90)
    return "4 processes, 8 times"


def test_an_alert_that_is_tried_says_so_and_stays_as_it_was():
    with rules.own_clock():
        rules.now_is("2027-03-10 12:00Z")
        _, site, owner = rules.old_site("tried")
        alert = rules.add(site, "spike", "--quiet-from", "00:00",
                          "--quiet-until", "23:59")
        usual(site, 100)
        rules.stored(site, 70, "10 minutes")
        rules.look()
        before = rules.sql("SELECT * FROM alert_state")
        stack.pawprint("alert", "test", str(alert))
        assert rules.sql("SELECT * FROM alert_state") == before
        assert rules.messages(alert) == []
        stack.until("the mail is there", lambda: rules.mails(owner), 60)
        nobody = stack.run_pawprint("alert", "test", "999999")
        assert nobody.returncode == 1 and "no alert" in nobody.stderr
    mail, = rules.mails(owner)
    assert mail["Subject"] == ("[Test] Alert: Far more traffic than usual "
                               "(tried)")
    words = " ".join(mail.get_body(("plain",)).get_content().split())
    assert "This is a test" in words and "has gone off" not in words
    assert "Value: 70 " in words and "Limit: 300 " in words, words
