"""`pawprint try` says whether an installation works, from outside to the disk."""
from kit import stack


def site():
    return stack.postgres("SELECT site.status FROM site JOIN account USING (account_id) WHERE account.name = 'pawprint try'")


def test_a_hit_that_is_tried_is_taken_and_stored_once():
    told = stack.pawprint("try")
    assert 0 < told["taken_ms"] <= told["stored_ms"], told
    assert stack.count(f"SELECT count() FROM events WHERE site_id = '{told['site']}'") == 1
    assert site() == "paused", site()
    return f"taken after {told['taken_ms']} ms, stored after {told['stored_ms']} ms"


def test_the_next_one_takes_the_same_site():
    told = stack.pawprint("try")
    assert stack.count(f"SELECT count() FROM events WHERE site_id = '{told['site']}'") == 2
    assert site() == "paused", site()


def test_it_fails_and_says_where_it_ended_when_nobody_stores_the_hit():
    stack.services("down", "writer")
    try:
        done = stack.run_pawprint("try", "--wait", "4")
        assert done.returncode == 1 and "the collector took the hit" in done.stderr, done
    finally:
        stack.services("up", "writer")
    assert site() == "paused", site()


def test_it_fails_and_says_who_did_not_answer_when_there_is_no_collector():
    stack.services("down", "collector")
    try:
        done = stack.run_pawprint("try", "--wait", "2")
        assert done.returncode == 1 and "connect" in done.stderr, done
    finally:
        stack.services("up", "collector")
