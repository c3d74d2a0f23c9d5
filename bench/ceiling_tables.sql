-- The tables of ceiling.sql: bigint keys, one index per question asked, no constraint beyond the one that makes a double
-- run impossible. Frozen.
CREATE SCHEMA ceiling;

CREATE TABLE ceiling.schedules (
    schedule_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    next_run_at     timestamptz NOT NULL,
    last_run_at     timestamptz,
    total_runs      bigint      NOT NULL DEFAULT 0,
    name            text        NOT NULL,
    task_type       text        NOT NULL,
    priority        smallint    NOT NULL DEFAULT 5,
    cron_expression text        NOT NULL,
    input_data      jsonb       NOT NULL
);
CREATE INDEX schedules_due ON ceiling.schedules (next_run_at);

CREATE TABLE ceiling.executions (
    execution_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id   bigint      NOT NULL,
    scheduled_for timestamptz NOT NULL,
    task_type     text        NOT NULL,
    priority      smallint    NOT NULL,
    attempt       integer     NOT NULL DEFAULT 1,
    input_data    jsonb       NOT NULL,
    status        text        NOT NULL,
    worker_id     bigint      NOT NULL,
    executed_at   timestamptz NOT NULL,
    finished_at   timestamptz,
    CONSTRAINT one_row_per_occurrence UNIQUE (schedule_id, scheduled_for)
);
