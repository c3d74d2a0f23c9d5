-- no-transaction
-- What tables have today that were there before. Each statement by itself, so that none waits for one lock while it holds
-- another, and each for a moment only: old workers go on meanwhile. All of them bear being repeated.

ALTER TABLE rowcall.schedules ADD COLUMN IF NOT EXISTS callback_events text[];

ALTER TABLE rowcall.schedules ADD COLUMN IF NOT EXISTS last_finished_at timestamptz;

ALTER TABLE rowcall.schedules SET (fillfactor = 50);

-- What is not due, in one index instead of two. One whose making was cut off is no index.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_index AS i
                WHERE i.indexrelid = to_regclass('rowcall.schedules_not_due') AND NOT i.indisvalid) THEN
        DROP INDEX rowcall.schedules_not_due;
    END IF;
END $$;

CREATE INDEX CONCURRENTLY IF NOT EXISTS schedules_not_due
    ON rowcall.schedules (status, schedule_id) WHERE status <> 'ACTIVE' OR next_run_at IS NULL;

-- Names, in a table of their own. Until it has all of them, the index that it replaces holds the rule, and its name.
CREATE TABLE IF NOT EXISTS rowcall.schedule_names (
    client_id   text   NOT NULL,
    name        text   NOT NULL,
    schedule_id bigint NOT NULL,
    CONSTRAINT schedule_names_so_far PRIMARY KEY (client_id, name)
);

ALTER TABLE rowcall.workers ADD COLUMN IF NOT EXISTS declares jsonb, ADD COLUMN IF NOT EXISTS tzdata_version text;

ALTER TABLE rowcall.installation ADD COLUMN IF NOT EXISTS tzdata_since timestamptz;

ALTER TABLE rowcall.outcomes
    ALTER COLUMN schedule_ids SET STORAGE EXTERNAL, ALTER COLUMN execution_ids SET STORAGE EXTERNAL;

-- What failed is found by what it says, and must say something. Rules for rows that are there are checked afterwards, under
-- a lock that lets everybody read and write. Each day gets its index by itself: ends of runs wait for
-- that of today, for a moment.
ALTER TABLE rowcall.schedule_executions
    DROP CONSTRAINT IF EXISTS executions_not_well_says_why,
    ADD CONSTRAINT executions_not_well_says_why CHECK (
        status NOT IN ('FAILED', 'TIMED_OUT', 'LOST') OR num_nonnulls(error_message, reason) > 0) NOT VALID;

ALTER TABLE rowcall.schedule_executions VALIDATE CONSTRAINT executions_not_well_says_why;

DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i
                      WHERE i.inhparent = 'rowcall.schedule_executions'::regclass
                        AND NOT EXISTS (SELECT FROM pg_catalog.pg_indexes AS x
                                         WHERE format('%I.%I', x.schemaname, x.tablename)::regclass = i.inhrelid
                                           AND x.indexdef LIKE '%error\_message IS NOT NULL%') LOOP
        EXECUTE format('CREATE INDEX ON %s (execution_id) WHERE error_message IS NOT NULL OR reason IS NOT NULL', partition);
        COMMIT;
    END LOOP;
END $$;

CREATE INDEX IF NOT EXISTS executions_not_well
    ON rowcall.schedule_executions (execution_id) WHERE error_message IS NOT NULL OR reason IS NOT NULL;

-- Days of the ledger that are there: what is written to them from now on leaves as much room as in new ones.
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i
                      WHERE i.inhparent = 'rowcall.schedule_executions'::regclass LOOP
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 50)', partition);
    END LOOP;
END $$;

