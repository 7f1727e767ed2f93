-- A run has its row while it is going on. Whose process has ended without a word is found by the name of that.

ALTER TABLE stress_test_runs ADD COLUMN owner TEXT; -- NULL once it has ended

-- One run at a time: two would measure each other.
CREATE UNIQUE INDEX stress_test_runs_going_on ON stress_test_runs (status) WHERE status = 'running';
