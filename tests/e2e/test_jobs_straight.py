"""People are told of jobs also while what else would tell them is broken."""
import signal
import time

from e2e.test_notifier import Endpoint, mails, psql
from kit import stack


def reports_that_look_often(url):
    return stack.with_settings("reports", PAWPRINT_REPORTS_WATCH_SECONDS=1,
                               PAWPRINT_REPORTS_AWAY_SECONDS=1,
                               PAWPRINT_STAFF_URL=url)


def mails_about(job):
    """Subjects of the mails to the staff that name the job."""
    return [str(mail["Subject"]) for mail in mails("staff@")
            if job in str(mail["Subject"])]


def kafka_is_away():
    """A job dies and is done, and the staff's mails say so."""
    job = f"backup{time.time_ns()}"
    stack.stop_server("kafka")
    began = time.monotonic()
    psql("INSERT INTO job (job, service, catch_up, lease_s, attempts_max) "
         f"VALUES ('{job}', 'job-run', 'none', 60, 1); INSERT INTO job_run "
         "(job, scheduled_for, state, started_at, finished_at) VALUES "
         f"('{job}', pp_now(), 'dead', pp_now(), pp_now())")
    stack.until("the mail", lambda: mails_about(job), 20)
    took = time.monotonic() - began
    psql(f"UPDATE job_run SET state = 'done' WHERE job = '{job}'")
    stack.until("that it is well", lambda: len(mails_about(job)) > 1, 20)
    time.sleep(1)  # another look
    bad, well = mails_about(job)
    assert "fails" in bad and "well again" not in bad, bad
    assert "well again" in well, well
    return took


def postgres_is_away(got):
    """The URL is told once; what did not arrive is told again."""
    stack.stop_server("postgres", signal.SIGINT)
    stack.until("it was told", lambda: len(got) > 1, 30)
    time.sleep(2)  # another turn
    told = [body for _, _, body in got]
    assert len(told) == 2 and told[0] == told[1], told
    assert told[0].startswith(b'{"text":"Pawprint: reports can\'t reach Postgres.')


def test_the_staff_is_told_once_of_what_broke_also_without_kafka_and_postgres():
    endpoint = Endpoint()
    # The first time it is told, it refuses.
    with reports_that_look_often(endpoint.url + "/500/1"):
        try:
            took = kafka_is_away()
            assert not endpoint.got
            postgres_is_away(endpoint.got)
        finally:
            stack.bring_back()
        stack.until("that it is back", lambda: len(endpoint.got) > 2, 30)
        time.sleep(1)
    assert len(endpoint.got) == 3, endpoint.got
    _, headers, body = endpoint.got[2]
    assert headers["Content-Type"] == "application/json"
    assert body == b'{"text":"Pawprint: reports reaches Postgres again."}'
    return f"mailed {took:.1f} s after Kafka was away and a job dead"
