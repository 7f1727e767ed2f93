-- A run that a server starts is pending until its process has taken it over. It has a key of its own, on a channel that is
-- there or on one that is made for it. Both go in the transaction that ends the run, whoever ends it.

ALTER TABLE api_keys ADD COLUMN run_id INTEGER REFERENCES stress_test_runs (id) ON DELETE CASCADE;
ALTER TABLE channels ADD COLUMN run_id INTEGER REFERENCES stress_test_runs (id) ON DELETE CASCADE;

CREATE INDEX api_keys_of_runs ON api_keys (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX channels_of_runs ON channels (run_id) WHERE run_id IS NOT NULL;

CREATE TRIGGER stress_test_run_ended AFTER UPDATE OF status ON stress_test_runs
WHEN old.status IN ('pending', 'running') AND new.status NOT IN ('pending', 'running') BEGIN
  DELETE FROM api_keys WHERE run_id = new.id;
  DELETE FROM channels WHERE run_id = new.id;
END;

-- One run at a time, whether it has been taken over or not.
DROP INDEX stress_test_runs_going_on;
CREATE UNIQUE INDEX stress_test_runs_going_on ON stress_test_runs ((status IN ('pending', 'running')))
  WHERE status IN ('pending', 'running');
