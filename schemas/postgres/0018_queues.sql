-- Queues of 100,000 rows and more: what is asked each time something is taken
-- from one reads the rows it is about, not those that wait.

-- Runs whose lease may be over.
CREATE INDEX job_run_running ON job_run (job, lease_until)
    WHERE state = 'running';

-- Messages whose process may be gone.
CREATE INDEX notification_sending ON notification (not_before)
    WHERE state = 'sending';
