-- What schema.sql has that older numbered files have not: made by `make migrations`, changed nowhere else.
-- Triggers come last, because only they need locks on tables that were there before.

SET search_path = pg_catalog, pg_temp;                         -- until this session ends: nothing in `public` is meant


-- ── installation ────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE IF NOT EXISTS rowcall.installation (
    only_row         boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    installation_id  text        NOT NULL DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 12),
    tzdata_version   text        NOT NULL DEFAULT 'unknown',   -- by which all is planned: the newest of any worker
    history_floor_at timestamptz NOT NULL DEFAULT now(),       -- from here on the ledger is whole; retention raises it
    created_at       timestamptz NOT NULL DEFAULT now(),
    tzdata_since     timestamptz                               -- from here on all is planned by that data; NULL: ever
);

-- ── schedule_terms ──────────────────────────────────────────────────────────────────────────────────────────────────
-- A row for the client, the task type and each label of each schedule that is not deleted, and one more where it is
-- static: every client sees those. They are written where one of these changes, and so cost no run anything.

CREATE TABLE IF NOT EXISTS rowcall.schedule_terms (
    term        text   NOT NULL,
    schedule_id bigint NOT NULL,
    PRIMARY KEY (term, schedule_id)                            -- list_schedules_by_term.sql, rarest_term.sql
);

-- Long ones are cut, because an index has no place for them: what is found is compared with what was asked for.
CREATE OR REPLACE FUNCTION rowcall.term(kind text, about text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT left(kind || ':' || about, 400)
$$;

CREATE OR REPLACE FUNCTION rowcall.terms_of(schedule rowcall.schedules) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN schedule.status = 'DISABLED' THEN '{}' ELSE
        ARRAY[rowcall.term('client', schedule.client_id), rowcall.term('task', schedule.task_type)]
        || CASE WHEN schedule.is_static THEN ARRAY[rowcall.term('static', '')] ELSE '{}' END
        || ARRAY(SELECT DISTINCT rowcall.term('label', l.key || '=' || l.value)
                   FROM jsonb_each_text(schedule.labels) AS l WHERE l.value IS NOT NULL) END
$$;

CREATE OR REPLACE FUNCTION rowcall.note_terms(of_schedule bigint, before text[], after text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF before <> '{}' THEN
        DELETE FROM rowcall.schedule_terms AS t
         WHERE t.schedule_id = of_schedule AND t.term = ANY (before) AND t.term <> ALL (after);
    END IF;
    IF after <> '{}' THEN
        INSERT INTO rowcall.schedule_terms (term, schedule_id)
        SELECT one, of_schedule FROM unnest(after) AS one WHERE one <> ALL (before)
            ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- Its path is fixed, as that of all that runs in sessions of others: there it would find what anybody put in the way.
CREATE OR REPLACE FUNCTION rowcall.schedule_is_about_to_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    timing_changed boolean;
BEGIN
    NEW.route := NEW.task_type || coalesce('@' || NEW.capability_required, '');
    IF TG_OP = 'INSERT' THEN
        NEW.name := coalesce(NEW.name, left(replace(NEW.task_type, '/', '-'), 150) || '-' || NEW.schedule_id);
        timing_changed := false;
    ELSE
        NEW.version := OLD.version;
        timing_changed :=
            (NEW.schedule_type, NEW.cron_expression, NEW.cron_fields, NEW.interval_seconds, NEW.scheduled_time,
             NEW.timezone, NEW.starts_at, NEW.ends_at, NEW.jitter_seconds)
            IS DISTINCT FROM
            (OLD.schedule_type, OLD.cron_expression, OLD.cron_fields, OLD.interval_seconds, OLD.scheduled_time,
             OLD.timezone, OLD.starts_at, OLD.ends_at, OLD.jitter_seconds)
            -- The slots of an H come from the client and the name.
            OR NEW.cron_expression ILIKE '%h%' AND (NEW.client_id, NEW.name) IS DISTINCT FROM (OLD.client_id, OLD.name);
        -- What ended, or could not be scheduled, gets another chance with its new definition.
        IF NEW.status = OLD.status AND (
               (timing_changed AND OLD.status IN ('INVALID', 'COMPLETED'))
               OR (NEW.max_executions IS DISTINCT FROM OLD.max_executions AND OLD.status = 'COMPLETED')) THEN
            NEW.status := 'ACTIVE';
        END IF;
        -- Why it was paused, or over, is no longer true of it.
        IF NEW.status = 'ACTIVE' AND OLD.status <> 'ACTIVE' AND NEW.status_reason IS NOT DISTINCT FROM OLD.status_reason THEN
            NEW.status_reason := NULL;
        END IF;
        -- clock_timestamp, not now: a change that waited for a claim's lock comes after that claim.
        NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');
        -- Two rows are compared in a fraction of the time that two documents take to make.
        IF timing_changed OR
           (NEW.client_id, NEW.name, NEW.description, NEW.task_type, NEW.capability_required, NEW.input_data, NEW.priority,
            NEW.labels, NEW.max_executions, NEW.grace_period_seconds, NEW."coalesce", NEW.catch_up_limit,
            NEW.overlap_policy, NEW.max_instances, NEW.timeout_seconds, NEW.max_retries, NEW.retry_backoff_seconds,
            NEW.callback_url, NEW.callback_events, NEW.is_static, NEW.source)
            IS DISTINCT FROM
           (OLD.client_id, OLD.name, OLD.description, OLD.task_type, OLD.capability_required, OLD.input_data, OLD.priority,
            OLD.labels, OLD.max_executions, OLD.grace_period_seconds, OLD."coalesce", OLD.catch_up_limit,
            OLD.overlap_policy, OLD.max_instances, OLD.timeout_seconds, OLD.max_retries, OLD.retry_backoff_seconds,
            OLD.callback_url, OLD.callback_events, OLD.is_static, OLD.source) THEN
            NEW.version := OLD.version + 1;
        END IF;
    END IF;
    -- What was next is no longer; but whoever says both moments along with the change has worked them out.
    IF NEW.status <> 'ACTIVE' OR TG_OP = 'UPDATE' AND (timing_changed OR NEW.status <> OLD.status) AND (
            NEW.next_run_at IS NOT DISTINCT FROM OLD.next_run_at
            OR NEW.next_occurrence_at IS NOT DISTINCT FROM OLD.next_occurrence_at) THEN
        NEW.next_occurrence_at := NULL;
        NEW.next_run_at := NULL;
    END IF;
    NEW.disabled_at := CASE WHEN NEW.status = 'DISABLED' THEN coalesce(NEW.disabled_at, clock_timestamp()) END;
    RETURN NEW;
END $$;

-- STABLE, as to_jsonb is: what claims to be more than its body is not put in the place of its call, and costs a plan each.
CREATE OR REPLACE FUNCTION rowcall.definition_of(schedule rowcall.schedules) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT to_jsonb(schedule) - ARRAY[
        'schedule_id', 'route', 'status', 'status_reason', 'next_occurrence_at', 'next_run_at', 'last_occurrence_at',
        'last_run_at', 'last_execution_id', 'last_status', 'last_finished_at', 'total_runs', 'scheduled_runs',
        'successful_runs', 'failed_runs', 'created_at', 'updated_at', 'disabled_at', 'version']
$$;

-- What says when of a definition in `schedule_versions`, and under which policies. It is flat, whatever people have nested
-- in the definition: cron_fields are text.
CREATE OR REPLACE FUNCTION rowcall.rule_of(definition jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT definition - '{input_data,labels,description}'::text[]
           || jsonb_build_object('cron_fields', definition ->> 'cron_fields')
$$;

-- Whether there are objects and lists nested deeper than 64: what reads them has to stop somewhere.
CREATE OR REPLACE FUNCTION rowcall.is_deep(document jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_path_exists(document, 'strict $.**{64} ? (@.type() == "object" || @.type() == "array")')
$$;

-- Which rule a definition breaks, by the name that the refusal tells; NULL where it breaks none. These are no CHECKs,
-- though they are told as such: PostgreSQL reads all CHECKs of a table anew for each statement that writes to it. That was
-- 130 µs of each pause, and of each claim, which change no definition.
CREATE OR REPLACE FUNCTION rowcall.broken_rule(s rowcall.schedules) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE
        WHEN length(s.name) NOT BETWEEN 1 AND 200 OR strpos(s.name, '/') > 0 OR s.name ~ '^[0-9]+$'
            THEN 'schedules_name_form'
        WHEN length(s.client_id) NOT BETWEEN 1 AND 200
            THEN 'schedules_client_form'
        WHEN length(s.task_type) NOT BETWEEN 1 AND 200 OR s.task_type ~ '[[:space:]@]'
            THEN 'schedules_task_type_form'
        WHEN length(s.capability_required) NOT BETWEEN 1 AND 200 OR s.capability_required ~ '[[:space:]@]'
            THEN 'schedules_capability_form'
        WHEN jsonb_typeof(s.input_data) <> 'object'
            THEN 'schedules_input_is_an_object'
        WHEN jsonb_typeof(s.labels) <> 'object'
            THEN 'schedules_labels_are_an_object'
        WHEN rowcall.is_deep(s.input_data) OR rowcall.is_deep(s.labels) OR rowcall.is_deep(s.cron_fields)
            THEN 'schedules_nested_at_most_64_deep'
        WHEN s.priority NOT BETWEEN 1 AND 10
            THEN 'schedules_priority_range'
        WHEN NOT CASE s.schedule_type
                     WHEN 'cron'     THEN num_nonnulls(s.cron_expression, s.cron_fields) = 1
                                          AND num_nonnulls(s.interval_seconds, s.scheduled_time) = 0
                     WHEN 'interval' THEN s.interval_seconds IS NOT NULL AND s.interval_seconds BETWEEN 1 AND 3155760000
                                          AND num_nonnulls(s.cron_expression, s.cron_fields, s.scheduled_time) = 0
                     WHEN 'one_time' THEN s.scheduled_time IS NOT NULL
                                          AND num_nonnulls(s.cron_expression, s.cron_fields, s.interval_seconds) = 0
                     ELSE false
                 END
            THEN 'schedules_trigger_matches_its_type'
        WHEN s.starts_at > s.ends_at
            THEN 'schedules_window_is_not_empty'
        WHEN least(s.scheduled_time, s.starts_at, s.ends_at) < '1970-01-01Z'
             OR greatest(s.scheduled_time, s.starts_at, s.ends_at) > '9000-12-31Z'
            THEN 'schedules_moments_in_our_era'
        WHEN s.jitter_seconds NOT BETWEEN 0 AND 86400
            THEN 'schedules_jitter_range'
        WHEN s.max_executions < 1
            THEN 'schedules_max_executions_range'
        WHEN s.grace_period_seconds NOT BETWEEN 1 AND 3155760000
            THEN 'schedules_grace_range'
        WHEN s."coalesce" NOT IN ('latest', 'all')
            THEN 'schedules_coalesce_known'
        WHEN s.catch_up_limit NOT BETWEEN 1 AND 10000
            THEN 'schedules_catch_up_range'
        WHEN s.overlap_policy NOT IN ('skip', 'queue', 'allow', 'cancel_running')
            THEN 'schedules_overlap_known'
        WHEN s.max_instances NOT BETWEEN 1 AND 1000 OR s.overlap_policy = 'allow' AND s.max_instances < 2
            THEN 'schedules_allow_needs_instances'
        WHEN NOT (s.timeout_seconds > 0 AND s.timeout_seconds <= 31536000)
            THEN 'schedules_timeout_range'
        WHEN s.max_retries NOT BETWEEN 0 AND 1000
            THEN 'schedules_retries_range'
        WHEN s.retry_backoff_seconds NOT BETWEEN 0 AND 3600
            THEN 'schedules_backoff_range'
        WHEN length(s.callback_url) > 2000 OR octet_length(substring(s.callback_url FROM '^[^:]+://[^/?#]*')) > 1000
            THEN 'schedules_callback_url_length'
        WHEN NOT s.callback_events <@ '{SUCCEEDED,FAILED,TIMED_OUT,CANCELLED,LOST,SKIPPED,MISSED}'
             OR cardinality(s.callback_events) = 0
            THEN 'schedules_callback_events_known'
    END;
END $$;

-- Its plans are kept, unlike those of the store's own statements: to make them anew took longer than all it does. They are
-- probes, whatever the tables held when they were made.
CREATE OR REPLACE FUNCTION rowcall.schedule_has_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' OR NEW.version <> OLD.version THEN
        broken := rowcall.broken_rule(NEW);
    END IF;
    IF broken IS NOT NULL THEN
        RAISE 'new row for relation "schedules" violates check constraint "%"', broken
              USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = 'schedules', SCHEMA = 'rowcall';
    END IF;
    -- What was not delivered yet goes to the new address; without one it is told to nobody.
    IF TG_OP = 'UPDATE' AND NEW.callback_url IS DISTINCT FROM OLD.callback_url AND OLD.callback_url IS NOT NULL THEN
        UPDATE rowcall.webhook_deliveries AS d
           SET url = coalesce(NEW.callback_url, d.url),
               status = CASE WHEN NEW.callback_url IS NULL THEN 'DEAD' ELSE d.status END,
               status_reason = CASE WHEN NEW.callback_url IS NULL THEN 'the schedule has no callback_url any more' END,
               next_attempt_at = CASE WHEN NEW.callback_url IS NOT NULL THEN now() END,
               due_since = now(), tried_since = NULL,
               finished_at = CASE WHEN NEW.callback_url IS NULL THEN now() END
         WHERE d.schedule_id = NEW.schedule_id AND d.status = 'PENDING';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status = 'DISABLED' AND OLD.status <> 'DISABLED' THEN
        PERFORM rowcall.close_executions(NEW, 'disabled: the schedule was deleted', false);
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.version = OLD.version AND NEW.status = OLD.status
                        AND NEW.status_reason IS NOT DISTINCT FROM OLD.status_reason THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' OR (NEW.client_id, NEW.name, NEW.status = 'DISABLED')
                           IS DISTINCT FROM (OLD.client_id, OLD.name, OLD.status = 'DISABLED') THEN
        IF TG_OP = 'UPDATE' AND OLD.status <> 'DISABLED' THEN
            DELETE FROM rowcall.schedule_names AS n
             WHERE n.client_id = OLD.client_id AND n.name = OLD.name AND n.schedule_id = OLD.schedule_id;
        END IF;
        IF NEW.status <> 'DISABLED' THEN
            INSERT INTO rowcall.schedule_names (client_id, name, schedule_id)
                 VALUES (NEW.client_id, NEW.name, NEW.schedule_id);
        END IF;
    END IF;
    INSERT INTO rowcall.schedule_versions
                (schedule_id, valid_from, version, status, status_reason, definition, tzdata_version)
         SELECT NEW.schedule_id, CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE NEW.updated_at END,
                NEW.version, NEW.status, NEW.status_reason, rowcall.definition_of(NEW), i.tzdata_version
           FROM rowcall.installation AS i;
    IF TG_OP = 'INSERT' THEN
        PERFORM rowcall.note_terms(NEW.schedule_id, '{}', rowcall.terms_of(NEW));
        PERFORM rowcall.audit_schedule('created', NULL, NEW);
        RETURN NULL;
    END IF;
    IF (NEW.client_id, NEW.task_type, NEW.labels, NEW.is_static, NEW.status = 'DISABLED')
       IS DISTINCT FROM (OLD.client_id, OLD.task_type, OLD.labels, OLD.is_static, OLD.status = 'DISABLED') THEN
        PERFORM rowcall.note_terms(NEW.schedule_id, rowcall.terms_of(OLD), rowcall.terms_of(NEW));
    END IF;
    PERFORM rowcall.audit_schedule('changed', OLD, NEW);
    RETURN NULL;
END $$;

-- Workers may be asleep until the earliest moment they know: what may be due earlier, or to others, wakes them. Never a
-- run; nor what is paused or deleted, or only called otherwise, or due in so many hours that a sweep comes before: the
-- longest poll interval is one. Each commit that notifies waits for all others that do.
CREATE OR REPLACE FUNCTION rowcall.wake_workers() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.next_run_at > clock_timestamp() + interval '2 hours' THEN
        RETURN NULL;
    END IF;
    -- Without a next moment, or with another: new, or its timing or status has changed.
    IF TG_OP = 'INSERT' OR NEW.next_run_at IS NULL OR NEW.next_run_at IS DISTINCT FROM OLD.next_run_at
                        OR NEW.route <> OLD.route OR NEW.priority <> OLD.priority
                        OR NEW.max_executions IS DISTINCT FROM OLD.max_executions THEN
        PERFORM pg_notify('rowcall', 'look');
    END IF;
    RETURN NULL;
END $$;

-- Ends what is queued of a schedule, or all that is open of it, and tells whoever wants to know. As wherever something is
-- cancelled while it is queued, what had begun before is counted: that is the last that became of it.
CREATE OR REPLACE FUNCTION rowcall.close_executions(schedule rowcall.schedules, why text, also_running boolean)
RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    closed record;
BEGIN
    FOR closed IN
        DELETE FROM rowcall.open_executions AS o
         WHERE o.schedule_id = schedule.schedule_id AND (also_running OR o.worker_id IS NULL)
     RETURNING o.execution_id, o.scheduled_for, o.fence
    LOOP
        UPDATE rowcall.schedule_executions AS e
           SET status = 'CANCELLED', finished_at = clock_timestamp(), reason = why
         WHERE e.execution_id = closed.execution_id AND e.scheduled_for = closed.scheduled_for;
        IF closed.fence > 0 THEN
            INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses)
                 VALUES (ARRAY[schedule.schedule_id], ARRAY[closed.execution_id], ARRAY['CANCELLED']);
        END IF;
        IF schedule.callback_url IS NOT NULL THEN
            PERFORM rowcall.tell(ARRAY[closed.execution_id], ARRAY[closed.scheduled_for]);
        END IF;
    END LOOP;
END $$;

-- Deleting a schedule means setting its status to DISABLED. Where a row is taken out all the same, what is open of it
-- ends: it could never be claimed, and would look due to every worker for ever. Before that, as long as it says whom to
-- tell.
CREATE OR REPLACE FUNCTION rowcall.close_what_was_open() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM rowcall.close_executions(OLD, 'disabled: the row of the schedule was deleted', true);
    DELETE FROM rowcall.schedule_names AS n
     WHERE n.client_id = OLD.client_id AND n.name = OLD.name AND n.schedule_id = OLD.schedule_id;
    PERFORM rowcall.note_terms(OLD.schedule_id, rowcall.terms_of(OLD), '{}');
    PERFORM rowcall.audit_schedule('deleted', OLD, NULL);
    RETURN OLD;
END $$;

-- Whoever empties the table takes all names and terms away with it.
CREATE OR REPLACE FUNCTION rowcall.forget_all_names() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM rowcall.schedule_names;
    DELETE FROM rowcall.schedule_terms;
    RETURN NULL;
END $$;

-- Makes the partitions for all days (UTC) from one moment through another; says how many were made. A table is built
-- beside the ledger and then attached, because that lets claims and readers go on. Half of each page is left free: a
-- run's end is a second version of its row, and beside the first it changes no index; the table is no larger for it.
CREATE OR REPLACE FUNCTION rowcall.ensure_partitions(from_moment timestamptz, through_moment timestamptz)
RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    day       timestamp := date_trunc('day', from_moment AT TIME ZONE 'UTC');
    partition text;
    made      integer := 0;
BEGIN
    IF from_moment < now() - interval '1 day'
       AND NOT pg_try_advisory_xact_lock_shared(hashtext('rowcall.old_days')) THEN
        RAISE EXCEPTION 'an old day of the ledger is being dropped' USING ERRCODE = 'object_in_use';
    END IF;
    WHILE day <= through_moment AT TIME ZONE 'UTC' LOOP
        partition := 'schedule_executions_' || to_char(day, 'YYYYMMDD');
        IF to_regclass('rowcall.' || partition) IS NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('rowcall.ensure_partitions'));
            -- Asked of the catalogue itself this time: what to_regclass said before is remembered, and was said too early.
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c
                            WHERE c.relnamespace = 'rowcall'::regnamespace AND c.relname = partition) THEN
                EXECUTE format(
                    'CREATE TABLE rowcall.%I (LIKE rowcall.schedule_executions INCLUDING DEFAULTS INCLUDING CONSTRAINTS) '
                    'WITH (fillfactor = 50)', partition);
                EXECUTE format(
                    'ALTER TABLE rowcall.schedule_executions ATTACH PARTITION rowcall.%I FOR VALUES FROM (%L) TO (%L)',
                    partition, day AT TIME ZONE 'UTC', (day + interval '1 day') AT TIME ZONE 'UTC');
                made := made + 1;
            END IF;
        ELSIF NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i
                           WHERE i.inhrelid = to_regclass('rowcall.' || partition) AND NOT i.inhdetachpending) THEN
            RAISE EXCEPTION 'the day % of the ledger is being dropped', day::date USING ERRCODE = 'object_in_use';
        END IF;
        day := day + interval '1 day';
    END LOOP;
    RETURN made;
END $$;

-- The same; false where a day is being dropped, so that what has to wait for that can be told from all else.
CREATE OR REPLACE FUNCTION rowcall.try_partitions(from_moment timestamptz, through_moment timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM rowcall.ensure_partitions(from_moment, through_moment);
    RETURN true;
EXCEPTION WHEN object_in_use THEN
    RETURN false;
END $$;

-- ── execution_rollups: what retention leaves ────────────────────────────────────────────────────────────────────────
-- A day that is old enough is detached from the ledger, and then, in one transaction, summed up here and dropped: no
-- execution is counted twice or not at all, whatever is interrupted.

CREATE TABLE IF NOT EXISTS rowcall.execution_rollups (
    schedule_id            bigint NOT NULL,
    day                    date   NOT NULL,                    -- in UTC, of scheduled_for
    executions             bigint NOT NULL,
    succeeded              bigint NOT NULL,
    failed                 bigint NOT NULL,
    timed_out              bigint NOT NULL,
    cancelled              bigint NOT NULL,
    lost                   bigint NOT NULL,
    skipped                bigint NOT NULL,
    missed                 bigint NOT NULL,
    attempts               bigint NOT NULL,
    started                bigint NOT NULL,                    -- those that duration and lateness are of
    duration_seconds_sum   double precision NOT NULL,
    duration_seconds_max   double precision NOT NULL,
    lateness_seconds_sum   double precision NOT NULL,          -- start of the last attempt minus scheduled_for
    lateness_seconds_max   double precision NOT NULL,
    last_failed_id         bigint,                             -- of those that FAILED, TIMED_OUT or were LOST
    last_failed_for        timestamptz,
    last_error_message     text,                               -- the beginning of it
    PRIMARY KEY (schedule_id, day)
);

-- forget_rollups.sql: the oldest days
CREATE INDEX IF NOT EXISTS execution_rollups_by_day ON rowcall.execution_rollups (day);

-- Sums up a day that retention has detached, to be dropped in the same transaction; how many executions it holds. A day
-- in which something is open after all comes back into the ledger: then NULL.
CREATE OR REPLACE FUNCTION rowcall.sum_up_day(partition text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first date := to_date(right(partition, 8), 'YYYYMMDD');
    begins timestamptz := first::timestamp AT TIME ZONE 'UTC';
    ends timestamptz := (first + 1)::timestamp AT TIME ZONE 'UTC';
    is_open boolean;
    summed bigint;
BEGIN
    EXECUTE format('LOCK TABLE rowcall.%I IN ACCESS EXCLUSIVE MODE', partition);
    EXECUTE format($q$ SELECT EXISTS (SELECT FROM rowcall.%I AS e WHERE e.status IN ('QUEUED', 'RUNNING')) $q$, partition)
       INTO is_open;
    IF is_open OR EXISTS (SELECT FROM rowcall.open_executions AS o WHERE o.scheduled_for >= begins AND o.scheduled_for < ends) THEN
        EXECUTE format('COMMENT ON TABLE rowcall.%I IS NULL', partition);
        EXECUTE format('ALTER TABLE rowcall.schedule_executions ATTACH PARTITION rowcall.%I FOR VALUES FROM (%L) TO (%L)',
                       partition, begins, ends);
        RETURN NULL;
    END IF;
    EXECUTE format($q$
        WITH summed AS (
            SELECT e.schedule_id, count(*) AS executions,
                   count(*) FILTER (WHERE e.status = 'SUCCEEDED') AS succeeded,
                   count(*) FILTER (WHERE e.status = 'FAILED') AS failed,
                   count(*) FILTER (WHERE e.status = 'TIMED_OUT') AS timed_out,
                   count(*) FILTER (WHERE e.status = 'CANCELLED') AS cancelled,
                   count(*) FILTER (WHERE e.status = 'LOST') AS lost,
                   count(*) FILTER (WHERE e.status = 'SKIPPED') AS skipped,
                   count(*) FILTER (WHERE e.status = 'MISSED') AS missed,
                   sum(e.attempt) AS attempts, count(e.executed_at) AS started,
                   coalesce(sum(e.duration_seconds), 0) AS duration_sum, coalesce(max(e.duration_seconds), 0) AS duration_max,
                   coalesce(sum(l.late), 0) AS late_sum, coalesce(max(l.late), 0) AS late_max
              FROM rowcall.%1$I AS e,
                   LATERAL (SELECT extract(epoch FROM e.executed_at - e.scheduled_for)::float8 AS late) AS l
             GROUP BY e.schedule_id
        ), failures AS (
            SELECT DISTINCT ON (e.schedule_id) e.schedule_id, e.execution_id, e.scheduled_for,
                   left(e.error_message, 500) AS error_message
              FROM rowcall.%1$I AS e
             WHERE e.status IN ('FAILED', 'TIMED_OUT', 'LOST')
             ORDER BY e.schedule_id, e.scheduled_for DESC, e.execution_id DESC
        ), written AS (
            INSERT INTO rowcall.execution_rollups AS r
            SELECT s.schedule_id, $1, s.executions, s.succeeded, s.failed, s.timed_out, s.cancelled, s.lost, s.skipped, s.missed,
                   s.attempts, s.started, s.duration_sum, s.duration_max, s.late_sum, s.late_max,
                   f.execution_id, f.scheduled_for, f.error_message
              FROM summed AS s
              LEFT JOIN failures AS f ON f.schedule_id = s.schedule_id
                ON CONFLICT (schedule_id, day) DO UPDATE  -- made again on demand, for an answer that came very late
               SET executions = r.executions + excluded.executions, succeeded = r.succeeded + excluded.succeeded,
                   failed = r.failed + excluded.failed, timed_out = r.timed_out + excluded.timed_out,
                   cancelled = r.cancelled + excluded.cancelled, lost = r.lost + excluded.lost,
                   skipped = r.skipped + excluded.skipped, missed = r.missed + excluded.missed,
                   attempts = r.attempts + excluded.attempts, started = r.started + excluded.started,
                   duration_seconds_sum = r.duration_seconds_sum + excluded.duration_seconds_sum,
                   duration_seconds_max = greatest(r.duration_seconds_max, excluded.duration_seconds_max),
                   lateness_seconds_sum = r.lateness_seconds_sum + excluded.lateness_seconds_sum,
                   lateness_seconds_max = greatest(r.lateness_seconds_max, excluded.lateness_seconds_max),
                   last_failed_id = coalesce(excluded.last_failed_id, r.last_failed_id),
                   last_failed_for = coalesce(excluded.last_failed_for, r.last_failed_for),
                   last_error_message = coalesce(excluded.last_error_message, r.last_error_message)
        )
        SELECT coalesce(sum(s.executions), 0) FROM summed AS s $q$, partition)
       INTO summed USING first;
    RETURN summed;
END $$;

-- Ends the RUNNING execution as SUCCEEDED, as finish_executions.sql does; says whether others wait for its end. Raises
-- unless token, fence and lease are those of this very attempt. It has the rights of Rowcall's role and is called from
-- sessions in which anything may have been put in the way: every name is qualified, pg_temp is searched last, and
-- nothing here is text to execute.
CREATE OR REPLACE FUNCTION rowcall.finish_sql_run(
    run_execution_id bigint, run_scheduled_for timestamptz, run_fence integer, run_token bytea,
    run_duration_seconds double precision, run_result jsonb)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holder   bigint;
    schedule bigint;
BEGIN
    DELETE FROM rowcall.run_tokens AS t
     WHERE t.execution_id = run_execution_id AND t.fence = run_fence AND t.token_hash = pg_catalog.sha256(run_token)
 RETURNING t.worker_id INTO holder;
    IF holder IS NULL THEN
        RAISE EXCEPTION 'execution % at fence % is not ended: the token is not that of this attempt, or was used',
            run_execution_id, run_fence USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM rowcall.open_executions AS o
     WHERE o.execution_id = run_execution_id AND o.fence = run_fence AND o.worker_id = holder
       AND o.scheduled_for = run_scheduled_for
 RETURNING o.schedule_id INTO schedule;
    IF schedule IS NULL THEN
        RAISE EXCEPTION 'execution % at fence % is not ended: it was given to another worker', run_execution_id, run_fence
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    UPDATE rowcall.schedule_executions AS e
       SET status = 'SUCCEEDED', finished_at = pg_catalog.statement_timestamp(),
           duration_seconds = run_duration_seconds, result_data = run_result, error_message = NULL
     WHERE e.execution_id = run_execution_id AND e.scheduled_for = run_scheduled_for AND e.schedule_id = schedule
       AND e.fence = run_fence AND e.status = 'RUNNING';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'execution % at fence % is not ended: it does not run', run_execution_id, run_fence
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    INSERT INTO rowcall.outcomes (schedule_ids, execution_ids, statuses)
         VALUES (ARRAY[schedule], ARRAY[run_execution_id], ARRAY['SUCCEEDED']);
    PERFORM rowcall.tell(ARRAY[run_execution_id], ARRAY[run_scheduled_for]);
    RETURN EXISTS (SELECT FROM rowcall.open_executions AS o
                    WHERE o.schedule_id = schedule AND o.worker_id IS NULL AND o.available_at IS NULL);
END $$;

-- Lets a role end the executions of sql tasks, and nothing else: to be called once, by the owner of this schema.
CREATE OR REPLACE FUNCTION rowcall.grant_sql_role(role_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner text := (SELECT n.nspowner::regrole::text FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'rowcall');
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = role_name) THEN
        RAISE EXCEPTION 'there is no role %', quote_ident(role_name)
            USING HINT = format('CREATE ROLE %I LOGIN PASSWORD ...', role_name);
    END IF;
    IF pg_has_role(role_name, (SELECT n.nspowner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'rowcall'), 'MEMBER') THEN
        RAISE EXCEPTION 'the role % can become %, which owns Rowcall: sql tasks need a role that can not',
            quote_ident(role_name), owner USING HINT = 'It must be no superuser, and no member of that role.';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA rowcall TO %I', role_name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION rowcall.finish_sql_run(bigint, timestamptz, integer, bytea, '
                   'double precision, jsonb) TO %I', role_name);
END $$;

-- ── webhook_deliveries: the outbox ──────────────────────────────────────────────────────────────────────────────────
-- What ended is told to the `callback_url` of its schedule. A row is written in the transaction that writes the end, so
-- no end is forgotten and none is told that did not happen. Any worker takes it from here, delivers it, and notes that;
-- while it is being delivered, `next_attempt_at` is the moment at which that worker counts as dead.

CREATE TABLE IF NOT EXISTS rowcall.webhook_deliveries (
    delivery_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id     bigint      NOT NULL,
    execution_id    bigint      NOT NULL,
    client_id       text        NOT NULL,                      -- whose secret signs it
    event           text        NOT NULL,                      -- the execution's status
    url             text        NOT NULL,
    target          text        NOT NULL GENERATED ALWAYS AS   -- who is called, for fairness among them
                    (coalesce(lower(substring(url FROM '^[^:]+://[^/?#]*')), '')) STORED,
    payload         jsonb       NOT NULL,
    status          text        NOT NULL DEFAULT 'PENDING',
    status_reason   text,                                      -- why it is dead
    attempt         integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz DEFAULT now(),
    history         jsonb       NOT NULL DEFAULT '[]',         -- one entry per attempt, the last thirty
    created_at      timestamptz NOT NULL DEFAULT now(),
    due_since       timestamptz NOT NULL DEFAULT now(),        -- since its making, or the request to send it anew
    tried_since     timestamptz,                               -- the first try since then: what waits count from
    finished_at     timestamptz,
    CONSTRAINT deliveries_status_known CHECK (status IN ('PENDING', 'DELIVERED', 'DEAD')),
    CONSTRAINT deliveries_pending_has_a_moment CHECK ((status = 'PENDING') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT deliveries_finished_iff_over CHECK ((status = 'PENDING') = (finished_at IS NULL)),
    CONSTRAINT deliveries_dead_says_why CHECK (status <> 'DEAD' OR status_reason IS NOT NULL)
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);

-- waiting_targets.sql, claim_deliveries.sql: whom to call, and with what first
CREATE INDEX IF NOT EXISTS deliveries_pending
    ON rowcall.webhook_deliveries (target, next_attempt_at) WHERE status = 'PENDING';

-- list_deliveries.sql of one schedule, redirect_deliveries in schedule_has_changed
CREATE INDEX IF NOT EXISTS deliveries_by_schedule ON rowcall.webhook_deliveries (schedule_id, delivery_id);

-- list_deliveries.sql of one execution
CREATE INDEX IF NOT EXISTS deliveries_by_execution ON rowcall.webhook_deliveries (execution_id);

-- forget_deliveries.sql: the oldest that are over
CREATE INDEX IF NOT EXISTS deliveries_over ON rowcall.webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- Writes down what these executions, which have just become final, have to tell; how many there were. It is called in the
-- transaction of their ends, and only for schedules that may want to be told.
CREATE OR REPLACE FUNCTION rowcall.tell(execution_ids bigint[], moments timestamptz[]) RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET plan_cache_mode = force_custom_plan AS $$
    WITH told AS (
        INSERT INTO rowcall.webhook_deliveries (schedule_id, execution_id, client_id, event, url, payload)
        SELECT e.schedule_id, e.execution_id, s.client_id, e.status, s.callback_url,
               jsonb_build_object(
                   'type', 'execution.' || lower(e.status),
                   'timestamp', e.finished_at,
                   'data', jsonb_build_object(
                       'execution_id', e.execution_id, 'schedule_id', e.schedule_id, 'schedule_name', s.name,
                       'client_id', s.client_id, 'task_type', e.task_type, 'trigger', e.trigger, 'status', e.status,
                       'scheduled_for', e.scheduled_for, 'covers_after', e.covers_after, 'attempt', e.attempt,
                       'executed_at', e.executed_at, 'finished_at', e.finished_at,
                       'duration_seconds', e.duration_seconds, 'error_message', left(e.error_message, 2000),
                       'reason', e.reason))
          FROM unnest(execution_ids, moments) AS ended (execution_id, moment)
          JOIN rowcall.schedule_executions AS e
            ON e.execution_id = ended.execution_id AND e.scheduled_for = ended.moment
          JOIN rowcall.schedules AS s ON s.schedule_id = e.schedule_id
         WHERE s.callback_url IS NOT NULL AND e.finished_at IS NOT NULL
           AND (s.callback_events IS NULL OR e.status = ANY (s.callback_events))
     RETURNING delivery_id
    )
    SELECT count(*) FROM told
$$;

-- ── api_keys ────────────────────────────────────────────────────────────────────────────────────────────────────────
-- A key is rowcall_<key_id>_<secret>. Keys are revoked, not deleted: who did something stays known.

CREATE TABLE IF NOT EXISTS rowcall.api_keys (
    key_id       text        PRIMARY KEY,                      -- find_api_key.sql
    secret_hash  bytea       NOT NULL,                         -- SHA-256
    client_id    text        NOT NULL DEFAULT 'default',       -- sees and changes what is this client's; admin: all
    name         text,                                         -- for people
    scopes       text[]      NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,                                  -- to the minute
    revoked_at   timestamptz,
    CONSTRAINT api_keys_id_form CHECK (key_id ~ '^[a-z0-9]{8}$'),
    CONSTRAINT api_keys_hold_hashes CHECK (length(secret_hash) = 32),
    CONSTRAINT api_keys_client_form CHECK (length(client_id) BETWEEN 1 AND 200),
    CONSTRAINT api_keys_name_form CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT api_keys_scopes_known CHECK (
        cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'run', 'write', 'admin'])
);

REVOKE ALL ON TABLE rowcall.api_keys FROM PUBLIC;

-- ── idempotency_keys ────────────────────────────────────────────────────────────────────────────────────────────────
-- A request that carries an Idempotency-Key is done once. The row stands in the transaction of what the request does: who
-- sends it again meanwhile waits at the primary key, and gets the answer that stands here then. A request that failed has
-- changed nothing, and leaves no row.

CREATE TABLE IF NOT EXISTS rowcall.idempotency_keys (
    who             text        NOT NULL,                      -- the bearer: keys of two bearers never meet
    idempotency_key text        NOT NULL,
    fingerprint     bytea       NOT NULL,                      -- SHA-256 of method, address and body
    status          integer,                                   -- of the answer; NULL while it is worked out
    headers         jsonb,
    body            text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (who, idempotency_key)                         -- take_idempotency_key.sql
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);

REVOKE ALL ON TABLE rowcall.idempotency_keys FROM PUBLIC;

-- forget_idempotency_keys.sql: the oldest
CREATE INDEX IF NOT EXISTS idempotency_keys_age ON rowcall.idempotency_keys (created_at);

-- ── audit_log: who changed what ─────────────────────────────────────────────────────────────────────────────────────
-- Written where rows change, so that a change by plain SQL stands here too. What workers conclude by themselves (it is
-- over, it can't be scheduled) is no change by anybody and stands in schedule_versions; claims write nothing here. Who
-- comes through a door of Rowcall's is named by the setting rowcall.who, everyone else by their role. What may be a secret
-- is hidden; `version` leads to the definition as it was, in schedule_versions.

CREATE TABLE IF NOT EXISTS rowcall.audit_log (
    entry_id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- list_audit_log.sql
    changed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    who           text        NOT NULL,
    database_role text        NOT NULL DEFAULT session_user,   -- who had connected, whatever they call themselves
    action        text        NOT NULL,                        -- schedule.created, execution.cancelled, key.changed …
    subject       text        NOT NULL,                        -- the id of that schedule, execution, backfill or key
    schedule_id   bigint,
    client_id     text,
    before        jsonb,                                       -- what changed, as it was; NULL: it was not there
    after         jsonb                                        -- as it is; NULL: it is gone
);

REVOKE ALL ON TABLE rowcall.audit_log FROM PUBLIC;

-- list_audit_log.sql of one schedule
CREATE INDEX IF NOT EXISTS audit_log_by_schedule
    ON rowcall.audit_log (schedule_id, entry_id) WHERE schedule_id IS NOT NULL;

-- Called by triggers that have the rights of their owner, and by statements of Rowcall's own role; by nobody else.
CREATE OR REPLACE FUNCTION rowcall.write_audit(
    action text, subject text, schedule_id bigint, client_id text, before jsonb, after jsonb)
RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO rowcall.audit_log (who, action, subject, schedule_id, client_id, before, after)
    VALUES (coalesce(nullif(current_setting('rowcall.who', true), ''), 'role ' || session_user),
            action, subject, schedule_id, client_id, before, after);
END $$;

-- The same document without what people put into schedules to let them in elsewhere: headers, values with such names,
-- what stands in an address beside host and path, what has the shape of a key, all of a callback_url but its host.
-- References to secrets stay. Whatever domain/credentials.py warns of is hidden here.
CREATE OR REPLACE FUNCTION rowcall.without_secrets(document jsonb, shown boolean DEFAULT true)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    -- Most documents have nothing of the kind, which is found out in one go: here is all that is looked for below, and more.
    IF shown AND document::text !~* (
       'headers|secret|pass|pwd|token|credential|authorization|cookie|key|callback_url|://.*[@?#]|'
       'bearer|basic|akia|asia|gh[pousr]_|github_pat_|glpat-|xox|sk[-_]|rk_|pypi-|npm_|whsec_|eyJ') THEN
        RETURN document;
    END IF;
    RETURN CASE jsonb_typeof(document)
        WHEN 'object' THEN (
            SELECT coalesce(jsonb_object_agg(m.key, CASE
                       WHEN m.key = '$secret' THEN m.value
                       WHEN m.key = 'callback_url' AND jsonb_typeof(m.value) = 'string' THEN to_jsonb(
                           regexp_replace(m.value #>> '{}', '^(\w+://)(?:[^/?#]*@)?([^/?#]*).*$', '\1\2/(hidden)'))
                       ELSE rowcall.without_secrets(m.value, shown AND m.key !~* (
                           '^headers$|secret|passw|passphrase|token|credential|authorization|cookie|'
                           '(private|access|signing|api)[^a-z0-9]*key|(^|[^a-z])(pwd|pass)s?($|[^a-z])')
                           AND m.key !~ '[a-z]P([Ww][Dd]|[Aa][Ss][Ss])s?($|[^a-z])') END), '{}')
              FROM jsonb_each(document) AS m)
        WHEN 'array' THEN (
            SELECT coalesce(jsonb_agg(rowcall.without_secrets(m.value, shown)), '[]')
              FROM jsonb_array_elements(document) AS m)
        WHEN 'string' THEN CASE
            WHEN NOT shown OR document #>> '{}' ~ (
                '-----BEGIN [A-Z ]*PRIVATE KEY|^([Bb]earer|[Bb]asic) \S+\s*$|\m(AKIA|ASIA)[0-9A-Z]{16}|'
                '\m(gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk[-_]|rk_live_|pypi-|npm_|whsec_)[0-9A-Za-z_-]{16}|'
                '\meyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}\.') THEN '"(hidden)"'
            WHEN strpos(document #>> '{}', '://') = 0 THEN document
            ELSE to_jsonb(regexp_replace(regexp_replace(
                document #>> '{}', '(\w://)[^/?#\s]*@', '\1(hidden)@', 'g'), '(\w://[^?#\s]*)[?#]\S*', '\1?(hidden)', 'g'))
            END
        WHEN 'number' THEN CASE WHEN shown THEN document ELSE '"(hidden)"' END
        ELSE document END;
END $$;

-- A definition, or a part of one, without them: two of its fields can hold any.
CREATE OR REPLACE FUNCTION rowcall.without_secrets_of_schedule(state jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF state -> 'input_data' <> '{}' THEN
        state := jsonb_set(state, '{input_data}', rowcall.without_secrets(state -> 'input_data'));
    END IF;
    IF state ->> 'callback_url' <> '' THEN
        state := state || rowcall.without_secrets(jsonb_build_object('callback_url', state -> 'callback_url'));
    END IF;
    RETURN state;
END $$;

CREATE OR REPLACE FUNCTION rowcall.auditable(schedule rowcall.schedules) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT to_jsonb(schedule) - ARRAY[
        'schedule_id', 'route', 'next_occurrence_at', 'next_run_at', 'last_occurrence_at', 'last_run_at',
        'last_execution_id', 'last_status', 'last_finished_at', 'total_runs', 'scheduled_runs', 'successful_runs',
        'failed_runs', 'created_at', 'updated_at', 'disabled_at']
$$;

-- What of one document is missing in another, or is different there.
CREATE OR REPLACE FUNCTION rowcall.differing(document jsonb, from_this jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}')
      FROM jsonb_each(document) AS m
     WHERE from_this -> m.key IS DISTINCT FROM m.value
$$;

CREATE OR REPLACE FUNCTION rowcall.audit_schedule(what text, old_row rowcall.schedules, new_row rowcall.schedules)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    old_state jsonb;
    new_state jsonb;
BEGIN
    IF what = 'changed' AND new_row.version = old_row.version AND new_row.status IN ('COMPLETED', 'INVALID')
       AND coalesce(current_setting('rowcall.who', true), '') = ''
       AND current_setting('application_name') LIKE 'rowcall %' THEN
        RETURN;                                                -- a worker's conclusion
    END IF;
    IF what = 'changed' AND new_row.version = old_row.version THEN         -- then it is about the status alone
        old_state := '{}';
        new_state := '{}';
        IF new_row.status <> old_row.status THEN
            old_state := jsonb_build_object('status', old_row.status);
            new_state := jsonb_build_object('status', new_row.status);
        END IF;
        IF new_row.status_reason IS DISTINCT FROM old_row.status_reason THEN
            old_state := old_state || jsonb_build_object('status_reason', old_row.status_reason);
            new_state := new_state || jsonb_build_object('status_reason', new_row.status_reason);
        END IF;
    ELSE
        IF what <> 'created' THEN
            old_state := rowcall.auditable(old_row);
        END IF;
        IF what <> 'deleted' THEN
            new_state := rowcall.auditable(new_row);
        END IF;
        IF what = 'changed' THEN
            SELECT rowcall.differing(old_state, new_state), rowcall.differing(new_state, old_state)
              INTO old_state, new_state;
        END IF;
    END IF;
    -- Hidden only now: that a secret changed is seen all the same.
    PERFORM rowcall.write_audit(
        'schedule.' || what, coalesce(new_row.schedule_id, old_row.schedule_id)::text,
        coalesce(new_row.schedule_id, old_row.schedule_id), coalesce(new_row.client_id, old_row.client_id),
        rowcall.without_secrets_of_schedule(old_state), rowcall.without_secrets_of_schedule(new_state));
END $$;

CREATE OR REPLACE FUNCTION rowcall.audit_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old_state jsonb := to_jsonb(OLD) - ARRAY['secret_hash', 'last_used_at'];
    new_state jsonb := to_jsonb(NEW) - ARRAY['secret_hash', 'last_used_at'];
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.secret_hash <> OLD.secret_hash THEN
        old_state := old_state || '{"secret": "one"}';
        new_state := new_state || '{"secret": "another"}';
    END IF;
    IF TG_OP = 'UPDATE' AND old_state = new_state THEN
        RETURN NULL;
    END IF;
    PERFORM rowcall.write_audit(
        'key.' || CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'deleted' ELSE 'changed' END,
        coalesce(NEW.key_id, OLD.key_id), NULL, coalesce(NEW.client_id, OLD.client_id),
        CASE TG_OP WHEN 'UPDATE' THEN rowcall.differing(old_state, new_state) ELSE old_state END,
        CASE TG_OP WHEN 'UPDATE' THEN rowcall.differing(new_state, old_state) ELSE new_state END);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION rowcall.audit_backfill() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.status = 'DONE' THEN                                -- it came to its end: nobody's change
        RETURN NULL;
    END IF;
    PERFORM rowcall.write_audit(
        CASE TG_OP WHEN 'INSERT' THEN 'backfill.created' ELSE 'backfill.changed' END, NEW.backfill_id::text, NEW.schedule_id,
        (SELECT s.client_id FROM rowcall.schedules AS s WHERE s.schedule_id = NEW.schedule_id),
        CASE TG_OP WHEN 'UPDATE' THEN jsonb_build_object('status', OLD.status) END,
        CASE TG_OP WHEN 'UPDATE' THEN jsonb_build_object('status', NEW.status, 'status_reason', NEW.status_reason)
                   ELSE jsonb_build_object('since', NEW.since, 'until', NEW.until, 'total', NEW.total,
                                           'max_concurrent', NEW.max_concurrent, 'rate_per_minute', NEW.rate_per_minute,
                                           'reason', NEW.reason) END);
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION rowcall.write_audit(text, text, bigint, text, jsonb, jsonb),
                       rowcall.audit_schedule(text, rowcall.schedules, rowcall.schedules) FROM PUBLIC;

-- ── monitoring: what people and dashboards may rely on ──────────────────────────────────────────────────────────────
-- Views named v_… are a contract: a name and a column stay, and mean the same; columns are only added, at the end. What
-- has to change otherwise comes as a new view, and the old one stays for one more minor version. None shows input_data,
-- result_data, the text of an error, callback_url, a token or a statement of another session, because those may hold
-- secrets. They run with the rights of their owner, so that a role that reads them needs no right to any table.
-- Each reads by probes of an index, or no more than its comment says, however many schedules and executions there are.

-- The lanes that ACTIVE schedules stand in: hops from one to the next through schedules_due. For the views below.
CREATE OR REPLACE VIEW rowcall.lanes AS
WITH RECURSIVE lanes AS (
    (SELECT s.route, s.priority FROM rowcall.schedules AS s
      WHERE s.status = 'ACTIVE' ORDER BY s.route, s.priority LIMIT 1)
    UNION ALL
    SELECT following.route, following.priority
      FROM lanes AS l
     CROSS JOIN LATERAL (
           SELECT s.route, s.priority FROM rowcall.schedules AS s
            WHERE s.status = 'ACTIVE' AND (s.route, s.priority) > (l.route, l.priority)
            ORDER BY s.route, s.priority LIMIT 1) AS following
)
SELECT route, priority FROM lanes;

CREATE OR REPLACE VIEW rowcall.v_installation AS
SELECT i.installation_id, (SELECT max(m.version) FROM rowcall.schema_migrations AS m) AS schema_version,
       i.tzdata_version, i.history_floor_at, i.created_at
  FROM rowcall.installation AS i;

COMMENT ON VIEW rowcall.v_installation IS
    'One row: which installation this is, its schema, and from when on its ledger is whole.';

CREATE OR REPLACE VIEW rowcall.v_schedules AS
SELECT s.schedule_id, s.client_id, s.name, s.description, s.task_type, s.capability_required, s.route, s.priority,
       s.labels, s.schedule_type, s.cron_expression, s.cron_fields, s.interval_seconds, s.scheduled_time, s.timezone,
       s.starts_at, s.ends_at, s.jitter_seconds, s.max_executions, s.grace_period_seconds, s."coalesce",
       s.catch_up_limit, s.overlap_policy, s.max_instances, s.timeout_seconds, s.max_retries, s.retry_backoff_seconds,
       s.is_static, s.source, s.status, s.status_reason, s.next_occurrence_at, s.next_run_at, s.last_occurrence_at,
       s.last_run_at, s.last_execution_id, s.last_status, s.total_runs, s.scheduled_runs, s.successful_runs,
       s.failed_runs, s.created_at, s.updated_at, s.disabled_at, s.version
  FROM rowcall.schedules AS s;

COMMENT ON VIEW rowcall.v_schedules IS
    'Every schedule, deleted ones too: what it runs, when, under which policies, and where it stands. The schedule_id of '
    'a name is quick to find in v_schedule_health.';

CREATE OR REPLACE VIEW rowcall.v_versions AS
SELECT v.schedule_id, v.valid_from, v.version, v.status, v.status_reason,
       v.definition ->> 'name' AS name, v.definition ->> 'task_type' AS task_type,
       v.definition ->> 'schedule_type' AS schedule_type, v.definition ->> 'cron_expression' AS cron_expression,
       v.definition -> 'cron_fields' AS cron_fields, (v.definition ->> 'interval_seconds')::bigint AS interval_seconds,
       (v.definition ->> 'scheduled_time')::timestamptz AS scheduled_time, v.definition ->> 'timezone' AS timezone,
       (v.definition ->> 'starts_at')::timestamptz AS starts_at, (v.definition ->> 'ends_at')::timestamptz AS ends_at,
       v.tzdata_version
  FROM rowcall.schedule_versions AS v;

COMMENT ON VIEW rowcall.v_versions IS
    'Every definition and every change of status, since when: ask for one schedule_id.';

CREATE OR REPLACE VIEW rowcall.v_workers AS
SELECT w.worker_id, w.name, w.host, w.pid, w.rowcall_version, w.apps, w.routes, w.slots, w.status, w.started_at,
       w.last_beat_at, w.ended_at, w.lease_seconds,
       extract(epoch FROM clock_timestamp() - w.last_beat_at)::float8 AS silent_seconds,
       w.ended_at IS NULL AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp() AS is_alive,
       held.running, w.slots - held.running AS free_slots
  FROM rowcall.workers AS w
 CROSS JOIN LATERAL (
       SELECT count(*)::int AS running FROM rowcall.open_executions AS o WHERE o.worker_id = w.worker_id) AS held;

COMMENT ON VIEW rowcall.v_workers IS
    'Workers, those that ended within a week too: what they offer, whether their lease holds, what room is left.';

CREATE OR REPLACE VIEW rowcall.v_executions AS
SELECT e.execution_id, e.schedule_id, s.client_id, s.name, e.schedule_version, e.trigger, e.scheduled_for,
       e.covers_after, e.task_type, e.capability_required, e.priority, e.status, e.attempt, e.worker_id,
       e.cancel_requested_at, e.executed_at, e.finished_at, e.duration_seconds,
       extract(epoch FROM e.executed_at - e.scheduled_for)::float8 AS lateness_seconds, e.reason,
       substring(e.error_message FROM '^(?:[a-z_]\w*\.){0,9}[A-Z]\w{1,79}(?=:|\n|$)') AS error_kind,
       e.available_at, e.backfill_id, e.created_at
  FROM rowcall.schedule_executions AS e
  LEFT JOIN rowcall.schedules AS s ON s.schedule_id = e.schedule_id;

COMMENT ON VIEW rowcall.v_executions IS
    'The ledger. Bound scheduled_for, or name a schedule_id: without that it is all of history. error_kind is the class '
    'of the error, such as ValueError; its text stays in schedule_executions.';

CREATE OR REPLACE VIEW rowcall.v_open AS
SELECT o.execution_id, o.schedule_id, s.client_id, s.name, o.route, o.priority, o.trigger,
       CASE WHEN o.worker_id IS NOT NULL THEN 'running' WHEN o.available_at IS NULL THEN 'waiting'
            WHEN o.available_at > clock_timestamp() THEN 'to_be_retried' ELSE 'queued' END AS state,
       o.scheduled_for, o.available_at, e.attempt, e.executed_at,
       CASE WHEN o.worker_id IS NOT NULL
            THEN extract(epoch FROM clock_timestamp() - e.executed_at)::float8 END AS running_seconds,
       s.timeout_seconds, o.worker_id, w.name AS worker, w.host, o.cancel_requested_at, o.backfill_id
  FROM rowcall.open_executions AS o
  LEFT JOIN LATERAL (
       SELECT l.attempt, l.executed_at FROM rowcall.schedule_executions AS l
        WHERE l.execution_id = o.execution_id AND l.scheduled_for = o.scheduled_for LIMIT 1) AS e ON true
  LEFT JOIN rowcall.schedules AS s ON s.schedule_id = o.schedule_id
  LEFT JOIN rowcall.workers AS w ON w.worker_id = o.worker_id;

COMMENT ON VIEW rowcall.v_open IS
    'What is not final: running, queued, to_be_retried, or waiting behind another run of its schedule. Reads what is open.';

CREATE OR REPLACE VIEW rowcall.v_running AS
SELECT execution_id, schedule_id, client_id, name, route, trigger, scheduled_for, attempt, executed_at,
       running_seconds, timeout_seconds, worker_id, worker, host, cancel_requested_at
  FROM rowcall.v_open WHERE worker_id IS NOT NULL;

COMMENT ON VIEW rowcall.v_running IS 'What runs now, since when, and where.';

CREATE OR REPLACE VIEW rowcall.v_overdue AS
SELECT d.schedule_id, d.client_id, d.name, l.route, l.priority, d.next_run_at,
       extract(epoch FROM now() - d.next_run_at)::float8 AS overdue_seconds,
       d.next_run_at + make_interval(secs => d.grace_period_seconds) AS grace_ends_at, w.offering_workers
  FROM rowcall.lanes AS l
 CROSS JOIN LATERAL (
       SELECT count(*)::int AS offering_workers FROM rowcall.workers AS v
        WHERE v.ended_at IS NULL AND v.status = 'RUNNING' AND l.route = ANY (v.routes)
          AND v.last_beat_at + make_interval(secs => v.lease_seconds) > clock_timestamp()) AS w
 CROSS JOIN LATERAL (
       SELECT s.schedule_id, s.client_id, s.name, s.next_run_at, s.grace_period_seconds FROM rowcall.schedules AS s
        WHERE s.status = 'ACTIVE' AND s.route = l.route AND s.priority = l.priority AND s.next_run_at <= now()
        ORDER BY s.next_run_at OFFSET 0) AS d;

COMMENT ON VIEW rowcall.v_overdue IS
    'Schedules whose next run is due, and since when. Some are for a moment; for more than a minute, somebody is missing. '
    'offering_workers 0: it is unroutable. Past grace_ends_at it becomes MISSED. Reads what is due.';

CREATE OR REPLACE VIEW rowcall.v_unroutable AS
SELECT r.route, needed.schedules, first.next_run_at
  FROM (SELECT DISTINCT route FROM rowcall.lanes) AS r
 CROSS JOIN LATERAL (
       SELECT count(*) AS schedules FROM rowcall.schedules AS s WHERE s.status = 'ACTIVE' AND s.route = r.route
       OFFSET 0) AS needed
 CROSS JOIN LATERAL (
       SELECT min(h.next_run_at) AS next_run_at
         FROM rowcall.lanes AS l
        CROSS JOIN LATERAL (
              SELECT s.next_run_at FROM rowcall.schedules AS s
               WHERE s.status = 'ACTIVE' AND s.route = l.route AND s.priority = l.priority
                 AND s.next_run_at IS NOT NULL
               ORDER BY s.next_run_at LIMIT 1) AS h
        WHERE l.route = r.route) AS first
 WHERE NOT EXISTS (SELECT FROM rowcall.workers AS w
                    WHERE w.ended_at IS NULL AND w.status = 'RUNNING' AND r.route = ANY (w.routes)
                      AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp());

COMMENT ON VIEW rowcall.v_unroutable IS
    'Routes, a task type or task_type@capability, that ACTIVE schedules need and no live worker offers.';

CREATE OR REPLACE VIEW rowcall.v_upcoming AS
SELECT u.schedule_id, u.client_id, u.name, l.route, l.priority, u.next_occurrence_at, u.next_run_at
  FROM rowcall.lanes AS l
 CROSS JOIN LATERAL (
       SELECT s.schedule_id, s.client_id, s.name, s.next_occurrence_at, s.next_run_at FROM rowcall.schedules AS s
        WHERE s.status = 'ACTIVE' AND s.route = l.route AND s.priority = l.priority AND s.next_run_at > now()
        ORDER BY s.next_run_at LIMIT 100) AS u
 ORDER BY u.next_run_at, u.schedule_id
 LIMIT 100;

COMMENT ON VIEW rowcall.v_upcoming IS
    'The hundred runs that come next. When a certain schedule runs next stands in v_schedules.';

CREATE OR REPLACE VIEW rowcall.v_failures AS
SELECT execution_id, schedule_id, client_id, name, trigger, scheduled_for, task_type, status, attempt, executed_at,
       finished_at, duration_seconds, error_kind, worker_id
  FROM rowcall.v_executions
 WHERE status IN ('FAILED', 'TIMED_OUT', 'LOST') AND scheduled_for > now() - interval '1 day';

COMMENT ON VIEW rowcall.v_failures IS
    'What ended badly, its retries used up, among the occurrences of the last 24 hours. Reads these.';

CREATE OR REPLACE VIEW rowcall.v_not_run AS
SELECT execution_id, schedule_id, client_id, name, scheduled_for, covers_after, task_type, status, reason
  FROM rowcall.v_executions
 WHERE status IN ('SKIPPED', 'MISSED') AND scheduled_for > now() - interval '1 day';

COMMENT ON VIEW rowcall.v_not_run IS
    'Occurrences of the last 24 hours that did not run, and why; a row answers for all after covers_after. Reads that day.';

CREATE OR REPLACE VIEW rowcall.v_schedule_health AS
SELECT s.schedule_id, n.client_id, n.name, s.status, h.runs, h.succeeded, h.failed, h.not_run,
       h.succeeded::float8 / nullif(h.succeeded + h.failed, 0) AS success_rate, h.failures_in_a_row,
       h.duration_p50_seconds, h.duration_p95_seconds, h.lateness_p50_seconds, h.lateness_p95_seconds,
       h.last_success_at, h.since, s.next_run_at
  FROM rowcall.schedule_names AS n
  JOIN rowcall.schedules AS s ON s.schedule_id = n.schedule_id AND s.client_id = n.client_id AND s.name = n.name
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE r.executed_at IS NOT NULL)::int AS runs,
              count(*) FILTER (WHERE r.status = 'SUCCEEDED')::int AS succeeded,
              count(*) FILTER (WHERE r.failed)::int AS failed,
              count(*) FILTER (WHERE r.status IN ('SKIPPED', 'MISSED'))::int AS not_run,
              count(*) FILTER (WHERE r.failed AND r.successes_after = 0)::int AS failures_in_a_row,
              percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration_seconds) AS duration_p50_seconds,
              percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_seconds) AS duration_p95_seconds,
              percentile_cont(0.5) WITHIN GROUP (ORDER BY r.lateness_seconds) AS lateness_p50_seconds,
              percentile_cont(0.95) WITHIN GROUP (ORDER BY r.lateness_seconds) AS lateness_p95_seconds,
              max(r.finished_at) FILTER (WHERE r.status = 'SUCCEEDED') AS last_success_at,
              min(r.scheduled_for) AS since
         FROM (SELECT e.status, e.scheduled_for, e.executed_at, e.finished_at, e.duration_seconds,
                      e.status IN ('FAILED', 'TIMED_OUT', 'LOST') AS failed,
                      CASE WHEN e.trigger = 'schedule' AND e.attempt = 1 AND e.backfill_id IS NULL
                           THEN extract(epoch FROM e.executed_at - e.scheduled_for)::float8 END AS lateness_seconds,
                      count(*) FILTER (WHERE e.status = 'SUCCEEDED')
                          OVER (ORDER BY e.scheduled_for DESC, e.execution_id DESC) AS successes_after
                 FROM (SELECT l.* FROM rowcall.schedule_executions AS l
                        WHERE l.schedule_id = s.schedule_id AND l.trigger <> 'backfill'
                        ORDER BY l.scheduled_for DESC LIMIT 100) AS e) AS r) AS h;

COMMENT ON VIEW rowcall.v_schedule_health IS
    'How the latest hundred executions of each schedule went, backfills aside, however long ago (since says how long): '
    'lateness is that of first attempts. Ask for one schedule or a few: all of a million take minutes.';

CREATE OR REPLACE VIEW rowcall.v_backlog AS
WITH open AS (
    SELECT o.route, count(*) FILTER (WHERE o.worker_id IS NOT NULL) AS running,
           count(*) FILTER (WHERE o.available_at <= clock_timestamp()) AS queued,
           count(*) FILTER (WHERE o.available_at > clock_timestamp()) AS to_be_retried,
           count(*) FILTER (WHERE o.worker_id IS NULL AND o.available_at IS NULL) AS waiting,
           min(o.available_at) FILTER (WHERE o.available_at <= clock_timestamp()) AS queued_since
      FROM rowcall.open_executions AS o GROUP BY o.route
), due AS (
    SELECT d.route, sum(d.due) AS due, min(d.due_since) AS due_since
      FROM (SELECT l.route, f.due, f.due_since
              FROM rowcall.lanes AS l
             CROSS JOIN LATERAL (
                   SELECT count(*) AS due, min(s.next_run_at) AS due_since FROM rowcall.schedules AS s
                    WHERE s.status = 'ACTIVE' AND s.route = l.route AND s.priority = l.priority
                      AND s.next_run_at <= now() OFFSET 0) AS f) AS d
     GROUP BY d.route
)
SELECT route, coalesce(d.due, 0)::bigint AS due, coalesce(o.queued, 0) AS queued, coalesce(o.running, 0) AS running,
       coalesce(o.to_be_retried, 0) AS to_be_retried, coalesce(o.waiting, 0) AS waiting,
       least(d.due_since, o.queued_since) AS oldest_due_at,
       extract(epoch FROM now() - least(d.due_since, o.queued_since))::float8 AS oldest_due_seconds,
       w.offering_workers, w.free_slots
  FROM due AS d
  FULL JOIN open AS o USING (route)
 CROSS JOIN LATERAL (
       SELECT count(*)::int AS offering_workers, coalesce(sum(v.free_slots), 0)::int AS free_slots
         FROM rowcall.v_workers AS v
        WHERE v.is_alive AND v.status = 'RUNNING' AND route = ANY (v.routes)) AS w;

COMMENT ON VIEW rowcall.v_backlog IS
    'For each route what is due, queued and running, since when the oldest could run, and what room the workers that '
    'offer it have. Reads what is due and open.';

CREATE OR REPLACE VIEW rowcall.v_history AS
SELECT c.relname::text AS partition, to_date(right(c.relname, 8), 'YYYYMMDD') AS day,
       pg_total_relation_size(c.oid) AS total_bytes, pg_indexes_size(c.oid) AS index_bytes,
       greatest(c.reltuples, 0)::bigint AS estimated_executions
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'rowcall.schedule_executions'::regclass;

COMMENT ON VIEW rowcall.v_history IS
    'The growth of history: a partition for each day (UTC) of scheduled_for, with its size; those ahead are there early.';

-- What sessions do, and never what they say: whoever may not see the sessions of others sees those of Rowcall's role.
CREATE OR REPLACE FUNCTION rowcall.sessions()
RETURNS TABLE (pid integer, role_name text, application_name text, state text, waits_for_lock boolean,
               state_since timestamptz, transaction_since timestamptz, held_horizon xid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.pid, a.usename::text, a.application_name, a.state, coalesce(a.wait_event_type = 'Lock', false),
           a.state_change, a.xact_start, a.backend_xmin
      FROM pg_catalog.pg_stat_activity AS a
     WHERE a.datname = pg_catalog.current_database()
$$;

CREATE OR REPLACE VIEW rowcall.v_locks AS
SELECT w.pid AS waiting_pid, w.application_name AS waiting, extract(epoch FROM now() - w.state_since)::float8
           AS waiting_seconds, l.mode AS lock_mode, l.relation, b.pid AS blocking_pid,
       b.role_name AS blocking_role, b.application_name AS blocking, b.state AS blocking_state,
       extract(epoch FROM now() - b.transaction_since)::float8 AS blocking_transaction_seconds
  FROM rowcall.sessions() AS w
 CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocking (pid)
  LEFT JOIN rowcall.sessions() AS b ON b.pid = blocking.pid
  LEFT JOIN LATERAL (
       SELECT k.mode, (SELECT format('%I.%I', n.nspname, c.relname)
                         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                        WHERE c.oid = coalesce(k.relation, (  -- who waits for a row waits for a transaction, in a queue
                              SELECT t.relation FROM pg_catalog.pg_locks AS t
                               WHERE t.pid = w.pid AND t.locktype = 'tuple' LIMIT 1))) AS relation
         FROM pg_catalog.pg_locks AS k WHERE k.pid = w.pid AND NOT k.granted LIMIT 1) AS l ON true
 WHERE w.waits_for_lock;

COMMENT ON VIEW rowcall.v_locks IS 'Who waits for whom in this database: SELECT pg_terminate_backend(blocking_pid) ends a wait.';

CREATE OR REPLACE VIEW rowcall.v_snapshots AS
SELECT 'session' AS held_by, a.pid, a.application_name AS name, a.role_name, a.state,
       extract(epoch FROM now() - a.transaction_since)::float8 AS held_seconds, age(a.held_horizon) AS transactions
  FROM rowcall.sessions() AS a
 WHERE a.held_horizon IS NOT NULL AND a.pid <> pg_backend_pid()
UNION ALL
SELECT 'prepared transaction', NULL, p.gid, p.owner::text, NULL, extract(epoch FROM now() - p.prepared)::float8,
       age(p.transaction)
  FROM pg_catalog.pg_prepared_xacts AS p WHERE p.database = current_database()
UNION ALL
SELECT 'replication slot', r.active_pid, r.slot_name::text, NULL, CASE WHEN r.active THEN 'active' ELSE 'inactive' END,
       NULL, greatest(age(r.xmin), age(r.catalog_xmin))
  FROM pg_catalog.pg_replication_slots AS r WHERE r.xmin IS NOT NULL OR r.catalog_xmin IS NOT NULL;

COMMENT ON VIEW rowcall.v_snapshots IS
    'Who keeps old versions of rows from being cleaned away, and since how many transactions. While one is held for '
    'minutes, looking for what is due reads ever more dead rows.';

CREATE OR REPLACE VIEW rowcall.v_metrics AS
SELECT clock_timestamp() AS at, current_setting('server_version') AS postgres, i.schema_version, i.history_floor_at,
       s.active AS schedules_active, s.paused AS schedules_paused, s.completed AS schedules_completed,
       s.invalid AS schedules_invalid, s.unplanned AS schedules_unplanned, b.due, b.queued, b.running, b.to_be_retried,
       b.waiting, coalesce(b.oldest_due_seconds, 0) AS oldest_due_seconds, b.unroutable AS unroutable_due,
       w.workers_running, w.workers_draining, w.workers_silent, w.slots, w.free_slots,
       h.bytes AS history_bytes, h.partitions AS history_partitions, h.days_ahead AS history_days_ahead,
       (SELECT coalesce(max(held_seconds), 0) FROM rowcall.v_snapshots) AS oldest_snapshot_seconds,
       (SELECT count(*) FROM rowcall.sessions() AS a WHERE a.waits_for_lock) AS sessions_waiting_for_locks
  FROM rowcall.v_installation AS i
 CROSS JOIN (
       SELECT (SELECT count(*) FROM rowcall.schedules AS a WHERE a.status = 'ACTIVE') AS active,
              (SELECT count(*) FROM rowcall.schedules AS n WHERE n.status <> 'ACTIVE' AND n.status = 'PAUSED') AS paused,
              (SELECT count(*) FROM rowcall.schedules AS n WHERE n.status <> 'ACTIVE' AND n.status = 'COMPLETED')
                  AS completed,
              (SELECT count(*) FROM rowcall.schedules AS n WHERE n.status <> 'ACTIVE' AND n.status = 'INVALID') AS invalid,
              (SELECT count(*) FROM rowcall.schedules AS u WHERE u.status = 'ACTIVE' AND u.next_run_at IS NULL)
                  AS unplanned) AS s
 CROSS JOIN (
       SELECT coalesce(sum(due), 0)::bigint AS due, coalesce(sum(queued), 0)::bigint AS queued,
              coalesce(sum(running), 0)::bigint AS running, coalesce(sum(to_be_retried), 0)::bigint AS to_be_retried,
              coalesce(sum(waiting), 0)::bigint AS waiting, max(oldest_due_seconds) AS oldest_due_seconds,
              coalesce(sum(due + queued) FILTER (WHERE offering_workers = 0), 0)::bigint AS unroutable
         FROM rowcall.v_backlog) AS b
 CROSS JOIN (
       SELECT count(*) FILTER (WHERE is_alive AND status = 'RUNNING') AS workers_running,
              count(*) FILTER (WHERE is_alive AND status = 'DRAINING') AS workers_draining,
              count(*) FILTER (WHERE NOT is_alive) AS workers_silent,
              coalesce(sum(slots) FILTER (WHERE is_alive AND status = 'RUNNING'), 0) AS slots,
              coalesce(sum(free_slots) FILTER (WHERE is_alive AND status = 'RUNNING'), 0) AS free_slots
         FROM rowcall.v_workers WHERE ended_at IS NULL) AS w
 CROSS JOIN (
       SELECT coalesce(sum(total_bytes), 0)::bigint AS bytes, count(*) AS partitions,
              coalesce(max(day) - (now() AT TIME ZONE 'UTC')::date, 0) AS days_ahead
         FROM rowcall.v_history) AS h;

COMMENT ON VIEW rowcall.v_metrics IS
    'How everything stands, in one row: /metrics shows the same. Counts what is due, open and ACTIVE.';

-- ── explain: the sentence that REST and the command line tell ───────────────────────────────────────────────────────
-- rowcall/domain/explain.py and explain_moment.py are where the sentences are kept; a test holds these against them. They
-- read the views only, with the rights of whoever asks; the text of an error is told to those who may read the ledger.
-- Cron is not computed here: what only its rule can tell is said to be told elsewhere (code "not_computed").

-- In UTC where PostgreSQL does not know the zone: Rowcall's own data may be newer. By the session's zone as in instant_of.
CREATE OR REPLACE FUNCTION rowcall.told_moment(moment timestamptz, zone text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    BEGIN
        PERFORM set_config('timezone', zone, true);
    EXCEPTION WHEN invalid_parameter_value THEN zone := 'UTC';
    END;
    RETURN to_char(moment, 'YYYY-MM-DD HH24:MI:SS') || rtrim(rtrim(to_char(moment, '.US'), '0'), '.') || ' ' || zone;
END $$;

-- Three digits below a thousand seconds, then hours, minutes and seconds.
CREATE OR REPLACE FUNCTION rowcall.told_span(seconds numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN seconds <= 0 THEN '0 s'
                WHEN seconds < 1000
                THEN trim_scale(round(seconds, least(6, 2 - floor(log(seconds))::int)))::text || ' s'
                ELSE CASE whole / 86400 WHEN 0 THEN '' WHEN 1 THEN '1 day, ' ELSE whole / 86400 || ' days, ' END
                     || whole % 86400 / 3600 || to_char(whole % 3600 / 60, 'FM":"00') || to_char(whole % 60, 'FM":"00')
            END
      FROM CAST(floor(seconds + 0.5) AS bigint) AS whole
$$;

CREATE OR REPLACE FUNCTION rowcall.told_workers(workers bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE workers WHEN 1 THEN '1 live worker' ELSE workers || ' live workers' END
$$;

CREATE OR REPLACE FUNCTION rowcall.told_reason(reason text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN reason <> '' THEN ': ' || reason ELSE '' END
$$;

-- The nearest occurrences of an interval or of a single moment, and whether there is one at this moment.
CREATE OR REPLACE FUNCTION rowcall.occurrences_around(
    rule rowcall.v_versions, created_at timestamptz, at timestamptz,
    OUT is_one boolean, OUT before timestamptz, OUT following timestamptz)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    first  timestamptz := CASE rule.schedule_type WHEN 'one_time' THEN rule.scheduled_time
                          ELSE coalesce(rule.starts_at, created_at + rule.interval_seconds * interval '1 second') END;
    length bigint := coalesce(rule.interval_seconds, 0);
    latest timestamptz := coalesce(rule.ends_at, 'infinity');
    passed bigint;  -- occurrences after the first through the moment, or through the end where that is earlier
BEGIN
    IF rule.schedule_type = 'one_time' THEN
        IF first < rule.starts_at OR first > latest THEN
            first := NULL;
        END IF;
        is_one := coalesce(first = at, false);
        before := CASE WHEN first < at THEN first END;
        following := CASE WHEN first > at THEN first END;
        RETURN;
    END IF;
    passed := floor(extract(epoch FROM least(at, latest) - first) / length);
    is_one := at >= first AND at <= latest AND first + passed * length * interval '1 second' = at;
    IF is_one THEN
        before := CASE WHEN passed > 0 THEN at - length * interval '1 second' END;
    ELSIF passed >= 0 THEN
        before := first + passed * length * interval '1 second';
    END IF;
    following := CASE WHEN at < first THEN first ELSE first + (passed + 1) * length * interval '1 second' END;
    IF following > latest OR at >= latest THEN
        following := NULL;
    END IF;
END $$;

-- Something could run now: who is missing?
CREATE OR REPLACE FUNCTION rowcall.explain_due(route text, what text, OUT code text, OUT sentence text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    alive    bigint;
    offering bigint;
    free     bigint;
    offered  text;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE explain_due.route = ANY (w.routes)),
           coalesce(sum(w.free_slots) FILTER (WHERE explain_due.route = ANY (w.routes)), 0)
      INTO alive, offering, free
      FROM rowcall.v_workers AS w WHERE w.status = 'RUNNING' AND w.is_alive;
    offered := rowcall.told_workers(offering) || format(CASE offering WHEN 1 THEN ' that offers ''%s''' ELSE ' that offer ''%s''' END, route);
    IF alive = 0 THEN
        code := 'no_worker';
        sentence := format('%s, and no worker is alive: start one that offers ''%s''.', what, route);
    ELSIF offering = 0 THEN
        code := 'unroutable';
        sentence := format('%s, and %s ''%s''.', what, CASE alive WHEN 1 THEN 'the only live worker does not offer'
            ELSE format('none of the %s live workers offers', alive) END, route);
    ELSIF free <= 0 THEN
        code := 'busy';
        sentence := format('%s: every slot of the %s is taken.', what, offered);
    ELSE
        code := 'due';
        sentence := format('%s; the next look of the %s takes it.', what, offered);
    END IF;
END $$;

-- Since when the newest status up to a moment has held.
CREATE OR REPLACE FUNCTION rowcall.status_since(id bigint, until timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT min(v.valid_from)
      FROM rowcall.v_versions AS v
     WHERE v.schedule_id = id AND v.valid_from <= until
       AND v.valid_from > coalesce((
           SELECT max(o.valid_from) FROM rowcall.v_versions AS o
            WHERE o.schedule_id = id AND o.valid_from <= until AND o.status <> (
                  SELECT n.status FROM rowcall.v_versions AS n
                   WHERE n.schedule_id = id AND n.valid_from <= until ORDER BY n.valid_from DESC LIMIT 1)), '-infinity')
$$;

-- What the schedule waits for now.
CREATE OR REPLACE FUNCTION rowcall.explain_now(
    schedule rowcall.v_schedules, zone text, at_present timestamptz, OUT code text, OUT sentence text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    since   text := rowcall.told_moment(
                coalesce(rowcall.status_since(schedule.schedule_id, 'infinity'), schedule.updated_at), zone);
    because text := rowcall.told_reason(schedule.status_reason);
    planned text := rowcall.told_moment(schedule.next_run_at, zone);
    open_ones bigint;
    running bigint;
    still   text := '';
    first   rowcall.v_open;
BEGIN
    SELECT count(*), count(o.worker_id) INTO open_ones, running
      FROM (SELECT w.worker_id FROM rowcall.v_open AS w WHERE w.schedule_id = schedule.schedule_id
             ORDER BY w.worker_id IS NULL, w.available_at, w.execution_id LIMIT 20) AS o;
    SELECT o.* INTO first FROM rowcall.v_open AS o WHERE o.schedule_id = schedule.schedule_id
     ORDER BY o.worker_id IS NULL, o.available_at, o.execution_id LIMIT 1;
    IF running > 0 THEN
        still := format('Execution %s is running%s%s.', first.execution_id,
                        ' since ' || rowcall.told_moment(first.executed_at, zone),
                        CASE WHEN running > 1 THEN format(', and %s more', running - 1) END);
    ELSIF open_ones > 0 THEN
        still := format('%s of its executions are queued.', open_ones);
    END IF;

    IF schedule.status = 'DISABLED' THEN
        code := 'deleted';
        sentence := format('It was deleted on %s; only its history is left.', since);
    ELSIF schedule.status = 'INVALID' THEN
        code := 'invalid';
        sentence := format('It can''t be scheduled%s.', because);
    ELSIF schedule.status = 'COMPLETED' THEN
        code := 'completed';
        sentence := format('It is completed since %s%s.', since, because);
    ELSIF schedule.status = 'PAUSED' THEN
        code := 'paused';
        sentence := rtrim(format('It is paused since %s%s. %s', since, because, still));
    ELSIF running > 0 THEN
        code := 'running';
        sentence := still || ' ' || CASE
            WHEN schedule.next_run_at IS NULL THEN 'No next run is planned yet.'
            WHEN schedule.next_run_at <= at_present THEN format('The next run is due since %s.', planned)
            ELSE format('It waits for its next run, on %s.', planned) END;
    ELSIF first.available_at > at_present THEN
        code := 'retrying';
        sentence := format('It waits for attempt %s of execution %s, on %s.', first.attempt + 1, first.execution_id,
                           rowcall.told_moment(first.available_at, zone));
    ELSIF first.available_at IS NOT NULL THEN
        SELECT d.code, d.sentence INTO code, sentence FROM rowcall.explain_due(schedule.route, format(
            'Execution %s is queued since %s', first.execution_id, rowcall.told_moment(first.available_at, zone))) AS d;
    ELSIF schedule.next_run_at IS NULL THEN
        code := 'unplanned';
        sentence := 'It has not been planned yet: the next look of a worker does that.';
    ELSIF schedule.next_run_at > at_present THEN
        code := 'waiting';
        sentence := format('It waits for its next run, on %s.', planned);
    ELSE
        SELECT d.code, d.sentence INTO code, sentence
          FROM rowcall.explain_due(schedule.route, 'It is due since ' || planned) AS d;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION rowcall.told_ending(status text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE status WHEN 'SUCCEEDED' THEN 'succeeded' WHEN 'FAILED' THEN 'failed' WHEN 'TIMED_OUT' THEN 'ran out of time'
                       WHEN 'CANCELLED' THEN 'was cancelled' WHEN 'LOST' THEN 'was lost with its worker' END
$$;

-- The first line of an error, for those who may read it where it stands.
CREATE OR REPLACE FUNCTION rowcall.told_error(id bigint, moment timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT has_table_privilege('rowcall.schedule_executions', 'SELECT') THEN
        RETURN '';
    END IF;
    RETURN coalesce((
        SELECT ': ' || left(split_part(e.error_message, E'\n', 1), 200) FROM rowcall.schedule_executions AS e
         WHERE e.execution_id = id AND e.scheduled_for = moment AND e.error_message <> ''), '');
END $$;

-- An occurrence that has a row of its own.
CREATE OR REPLACE FUNCTION rowcall.explain_answer(
    answer rowcall.v_executions, zone text, OUT code text, OUT sentence text)
LANGUAGE plpgsql STABLE SET extra_float_digits = 1 AS $$
DECLARE
    named text := format('The occurrence of %s', rowcall.told_moment(answer.scheduled_for, zone));
BEGIN
    code := lower(answer.status);
    sentence := CASE
        WHEN answer.status IN ('SKIPPED', 'MISSED')
        THEN format('%s did not run (%s): %s.', named, answer.status, answer.reason)
        WHEN answer.status = 'QUEUED' AND answer.attempt > 0
        THEN format('%s has not succeeded yet: execution %s is queued for attempt %s.', named, answer.execution_id,
                    answer.attempt + 1)
        WHEN answer.status = 'QUEUED'
        THEN format('%s has not run yet: execution %s is queued.', named, answer.execution_id)
        WHEN answer.status = 'RUNNING'
        THEN format('%s is running: execution %s, attempt %s.', named, answer.execution_id, answer.attempt)
        WHEN answer.executed_at IS NULL
        THEN format('%s did not run: execution %s %s%s.', named, answer.execution_id,
                    rowcall.told_ending(answer.status), rowcall.told_reason(answer.reason))
        ELSE format('%s ran: execution %s started %s after it on %s%s, and %s%s%s.', named, answer.execution_id,
                    rowcall.told_span(extract(epoch FROM answer.executed_at - answer.scheduled_for)),
                    rowcall.told_moment(answer.executed_at, zone),
                    CASE WHEN answer.attempt > 1 THEN ', attempt ' || answer.attempt END,
                    rowcall.told_ending(answer.status),
                    ' after ' || rowcall.told_span(answer.duration_seconds::text::numeric),
                    rowcall.told_error(answer.execution_id, answer.scheduled_for))
    END;
END $$;

-- An occurrence that one row answers for together with others.
CREATE OR REPLACE FUNCTION rowcall.explain_covered(
    answer rowcall.v_executions, at_told text, zone text, OUT code text, OUT sentence text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    named    text := format('execution %s', answer.execution_id);
    together text := format('answers for it together with the others up to %s',
                            rowcall.told_moment(answer.scheduled_for, zone));
    reason   text := regexp_replace(answer.reason, '^backfilled: ', '');
BEGIN
    IF answer.backfill_id IS NOT NULL THEN
        code := CASE WHEN reason ~ '^(grace:|unroutable:|catch_up_limit: only)' THEN 'missed' ELSE 'skipped' END;
        sentence := format('The occurrence of %s did not run%s; %s, which a backfill opened again, %s.', at_told,
                           rowcall.told_reason(reason), named, together);
    ELSIF answer.status IN ('SKIPPED', 'MISSED') THEN
        code := lower(answer.status);
        sentence := format('The occurrence of %s did not run (%s): %s; %s %s.', at_told, answer.status, answer.reason,
                           named, together);
    ELSE
        code := 'coalesced';
        sentence := format('The occurrence of %s was late and did not run by itself: %s %s, and %s.', at_told, named, together,
                           coalesce(rowcall.told_ending(answer.status), 'is ' || answer.status));
    END IF;
END $$;

-- An occurrence without an answer: it lies ahead, or is too long ago, or something was in its way.
CREATE OR REPLACE FUNCTION rowcall.explain_unanswered(
    schedule rowcall.v_schedules, rule rowcall.v_versions, at timestamptz, zone text, at_present timestamptz,
    OUT code text, OUT sentence text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    told    text := rowcall.told_moment(at, zone);
    since   text := rowcall.told_moment(coalesce(
                rowcall.status_since(schedule.schedule_id, greatest(at, schedule.created_at)), schedule.created_at), zone);
    because text := rowcall.told_reason(rule.status_reason);
    floor   timestamptz := (SELECT i.history_floor_at FROM rowcall.v_installation AS i);
    present record;
BEGIN
    SELECT p.code, p.sentence INTO present FROM rowcall.explain_now(schedule, zone, at_present) AS p;
    IF at > at_present THEN
        code := CASE schedule.status WHEN 'ACTIVE' THEN 'ahead' ELSE present.code END;
        sentence := format('The occurrence of %s lies ahead', told) || CASE schedule.status WHEN 'ACTIVE' THEN '.'
            ELSE ', and as things stand it will not run. ' || present.sentence END;
    ELSIF at < floor THEN
        code := 'not_kept';
        sentence := format('The ledger is kept since %s; what became of %s is not known any more.',
                           rowcall.told_moment(floor, zone), told);
    ELSIF rule.status <> 'ACTIVE' THEN
        code := CASE rule.status WHEN 'DISABLED' THEN 'deleted' ELSE lower(rule.status) END;
        sentence := format('The occurrence of %s did not run: it ', told) || CASE rule.status
            WHEN 'PAUSED' THEN format('was paused since %s%s.', since, because)
            WHEN 'DISABLED' THEN format('was deleted on %s.', since)
            WHEN 'COMPLETED' THEN format('was completed on %s%s.', since, because)
            ELSE format('could not be scheduled%s.', because) END;
    ELSIF schedule.status = 'ACTIVE' THEN
        code := present.code;
        sentence := format('The occurrence of %s is not answered for yet. %s', told, present.sentence);
    ELSE
        code := lower(schedule.status);
        sentence := format('The occurrence of %s is not answered for: it was %s before it could start.', told, code);
    END IF;
END $$;

-- What became of the schedule at a moment.
CREATE OR REPLACE FUNCTION rowcall.explain_at(
    schedule rowcall.v_schedules, at timestamptz, zone text, at_present timestamptz, OUT code text, OUT sentence text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    told   text := rowcall.told_moment(at, zone);
    answer rowcall.v_executions;
    rule   rowcall.v_versions;
    around record;
BEGIN
    SELECT e.* INTO answer FROM rowcall.v_executions AS e
     WHERE e.schedule_id = schedule.schedule_id AND e.scheduled_for >= at
       AND (e.scheduled_for = at AND e.trigger <> 'manual'
            OR e.trigger = 'schedule' AND coalesce(e.covers_after, '-infinity') < at)
     ORDER BY e.scheduled_for LIMIT 1;
    SELECT v.* INTO rule FROM rowcall.v_versions AS v
     WHERE v.schedule_id = schedule.schedule_id AND v.valid_from <= greatest(at, schedule.created_at)
     ORDER BY v.valid_from DESC LIMIT 1;

    IF answer.scheduled_for = at THEN
        SELECT x.code, x.sentence INTO code, sentence FROM rowcall.explain_answer(answer, zone) AS x;
        RETURN;
    ELSIF at < schedule.created_at THEN
        code := 'not_created';
        sentence := format('It did not exist yet: it was created on %s.', rowcall.told_moment(schedule.created_at, zone));
        RETURN;
    ELSIF rule.schedule_type = 'cron' AND rule.status = 'INVALID'
          OR rule.timezone <> zone AND NOT rowcall.is_zone(rule.timezone) THEN
        code := 'invalid';
        sentence := format('Its rule of that time could not be scheduled%s.', rowcall.told_reason(rule.status_reason));
        RETURN;
    ELSIF rule.schedule_type <> 'cron' THEN
        SELECT * INTO around FROM rowcall.occurrences_around(rule, schedule.created_at, at);
    ELSIF at = schedule.next_occurrence_at THEN
        SELECT true AS is_one, NULL::timestamptz AS before, NULL::timestamptz AS following INTO around;
    ELSE
        code := 'not_computed';
        sentence := format('Whether its cron rule names %s is not computed in SQL: `rowcall schedules explain` and '
                           'GET /v1/schedules/%s/explain tell.', told, schedule.schedule_id)
            || coalesce(format(' If it does, execution %s answers for it (%s%s).', answer.execution_id, answer.status,
                               rowcall.told_reason(answer.reason)), '');
        RETURN;
    END IF;

    IF NOT around.is_one THEN
        code := 'not_an_occurrence';
        sentence := format('Its rule names no occurrence at %s', told) || CASE num_nonnulls(around.before, around.following)
            WHEN 0 THEN '.' WHEN 1 THEN '; the nearest is ' ELSE '; the nearest are ' END
            || coalesce(nullif(concat_ws(' and ', rowcall.told_moment(around.before, zone),
                                         rowcall.told_moment(around.following, zone)), '') || '.', '');
    ELSIF answer.execution_id IS NOT NULL THEN
        SELECT x.code, x.sentence INTO code, sentence FROM rowcall.explain_covered(answer, told, zone) AS x;
    ELSE
        SELECT x.code, x.sentence INTO code, sentence
          FROM rowcall.explain_unanswered(schedule, rule, at, zone, at_present) AS x;
    END IF;
END $$;

-- Whether a name is exactly that of an IANA zone: PostgreSQL by itself takes abbreviations, and any case.
CREATE OR REPLACE FUNCTION rowcall.is_zone(zone text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT zone = 'UTC' OR zone NOT IN ('localtime', 'posixrules')
           AND EXISTS (SELECT FROM pg_catalog.pg_timezone_names AS z WHERE z.name = zone)
$$;

-- The schedule that a client calls so. With the rights of its owner, so that whoever may read the views may ask.
CREATE OR REPLACE FUNCTION rowcall.explained_id(name text, client text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT n.schedule_id FROM rowcall.schedule_names AS n
     WHERE n.client_id = explained_id.client AND n.name = explained_id.name
$$;

CREATE OR REPLACE FUNCTION rowcall.explanation(
    name text, at timestamptz DEFAULT NULL, client text DEFAULT 'default', OUT code text, OUT sentence text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    schedule rowcall.v_schedules;
    zone     text;
BEGIN
    IF name ~ '^[0-9]{1,18}$' THEN
        SELECT s.* INTO schedule FROM rowcall.v_schedules AS s WHERE s.schedule_id = explanation.name::bigint;
    ELSE
        SELECT s.* INTO schedule FROM rowcall.v_schedules AS s
         WHERE s.schedule_id = rowcall.explained_id(explanation.name, explanation.client);
    END IF;
    IF schedule.schedule_id IS NULL THEN
        RAISE EXCEPTION 'client % has no schedule %', quote_literal(client), quote_literal(left(name, 200))
            USING ERRCODE = 'no_data_found', HINT = 'SELECT client_id, name FROM rowcall.v_schedules lists those there are.';
    END IF;
    -- PostgreSQL's list of zones takes long to read; what was ever planned has one.
    zone := CASE WHEN schedule.next_occurrence_at IS NOT NULL OR schedule.last_occurrence_at IS NOT NULL
                      OR rowcall.is_zone(schedule.timezone) THEN schedule.timezone ELSE 'UTC' END;
    IF at IS NULL THEN
        SELECT x.code, x.sentence INTO code, sentence
          FROM rowcall.explain_now(schedule, zone, clock_timestamp()) AS x;
    ELSE
        SELECT x.code, x.sentence INTO code, sentence
          FROM rowcall.explain_at(schedule, at, zone, clock_timestamp()) AS x;
    END IF;
END $$;

COMMENT ON FUNCTION rowcall.explanation(text, timestamptz, text) IS
    'Why a schedule did not run at a moment, or what it waits for now: a word for programs and a sentence for people.';

CREATE OR REPLACE FUNCTION rowcall.explain(name text, at timestamptz DEFAULT NULL, client text DEFAULT 'default')
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT e.sentence FROM rowcall.explanation(name, at, client) AS e
$$;

COMMENT ON FUNCTION rowcall.explain(text, timestamptz, text) IS
    'One true sentence: SELECT rowcall.explain(''nightly'') for now, with a second argument for that moment.';

-- ── create, pause, resume, execute: for other programs, in their own transactions ───────────────────────────────────
-- The rules of REST, and its errors as SQL has them. What is called with the rights of Rowcall's role may be called from
-- any session: every name is qualified, pg_temp is searched last, and no value is ever text to execute. The audit log
-- names the role that had logged in: rowcall.who, which anybody can set, does not count here.

-- The locked schedule of that name, or id. For the functions below.
CREATE OR REPLACE FUNCTION rowcall.locked_schedule(name text, client text) RETURNS rowcall.schedules
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found rowcall.schedules;
    is_id CONSTANT boolean := name ~ '^[0-9]{1,18}$';
BEGIN
    SELECT s.* INTO found FROM rowcall.schedules AS s
     WHERE s.schedule_id = CASE WHEN is_id THEN locked_schedule.name::bigint
                                ELSE (SELECT n.schedule_id FROM rowcall.schedule_names AS n
                                       WHERE n.client_id = client AND n.name = locked_schedule.name) END
       AND s.client_id = client AND s.status <> 'DISABLED'
       AND (is_id OR s.name = locked_schedule.name)  -- still, after the wait for its lock
       FOR NO KEY UPDATE;
    IF found.schedule_id IS NULL THEN
        RAISE EXCEPTION 'client % has no schedule %', quote_literal(client), quote_literal(left(name, 200))
            USING ERRCODE = 'no_data_found';
    END IF;
    RETURN found;
END $$;

-- Sets who asks, for the audit log; returns who it was before.
CREATE OR REPLACE FUNCTION rowcall.named_as(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before text := coalesce(current_setting('rowcall.who', true), '');
BEGIN
    PERFORM set_config('rowcall.who', who, true);
    RETURN before;
END $$;

-- The instant of a local time: in a gap the first one after it, in a fold the first pass, as everywhere in Rowcall.
-- PostgreSQL by itself reads a time in a gap with the offset before it, and one in a fold with the offset after it. The
-- session's zone is changed for the while, because AT TIME ZONE takes CET, EET, MET and WET for offsets without a summer.
CREATE OR REPLACE FUNCTION rowcall.instant_of(local_time timestamp, zone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    found  timestamptz;
    before numeric;
    low    timestamptz;
    middle timestamptz;
BEGIN
    PERFORM set_config('timezone', zone, true);
    found := local_time::timestamptz;
    before := extract(timezone FROM found - interval '24 hours');
    low := found - make_interval(secs => abs(before - extract(timezone FROM found))::float);
    IF found::timestamp = local_time THEN
        RETURN CASE WHEN low::timestamp = local_time THEN low ELSE found END;
    END IF;
    WHILE found - low > interval '1 second' LOOP
        middle := low + (found - low) / 2;
        IF extract(timezone FROM middle) = before THEN low := middle; ELSE found := middle; END IF;
    END LOOP;
    RETURN date_trunc('second', found);
END $$;

-- A moment as text, read in the schedule's zone if it states no offset, and never in the session's; NULL if it is none.
-- PostgreSQL would read much more than what is let through here, and drop an offset or a zone that it did not expect.
CREATE OR REPLACE FUNCTION rowcall.read_moment(moment text, zone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given CONSTANT text := replace(moment, ',', '.');
BEGIN
    IF given ~ ('^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?'
                '(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$') THEN
        RETURN CASE WHEN given ~ '(Z|:.*[+-].*)$' THEN given::timestamptz
                    ELSE rowcall.instant_of(given::timestamp, zone) END;
    END IF;
    RETURN NULL;
EXCEPTION WHEN datetime_field_overflow OR invalid_time_zone_displacement_value THEN RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION rowcall.create_schedule(
    definition jsonb, client text DEFAULT 'default', allow_unknown_task boolean DEFAULT false)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asker text := rowcall.named_as('');
    possible CONSTANT text[] := ARRAY[
        'name', 'description', 'task_type', 'capability_required', 'input_data', 'priority', 'labels', 'schedule_type',
        'cron_expression', 'cron_fields', 'interval_seconds', 'scheduled_time', 'timezone', 'starts_at', 'ends_at',
        'jitter_seconds', 'max_executions', 'grace_period_seconds', 'coalesce', 'catch_up_limit', 'overlap_policy',
        'max_instances', 'timeout_seconds', 'max_retries', 'retry_backoff_seconds', 'callback_url', 'callback_events'];
    given    jsonb;
    strange  text;
    zone     text;
    moment   text;
    columns  text;
    created  bigint;
BEGIN
    IF jsonb_typeof(definition) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'an object is needed: the fields of a schedule' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT coalesce(jsonb_object_agg(m.key, m.value) FILTER (WHERE m.value <> 'null'), '{}'),
           string_agg(m.key, ', ') FILTER (WHERE m.key <> ALL (possible))
      INTO given, strange FROM jsonb_each(definition) AS m;
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'no schedule has the field %', strange
            USING ERRCODE = 'invalid_parameter_value', HINT = 'It has: ' || array_to_string(possible, ', ');
    ELSIF NOT given ? 'task_type' THEN
        RAISE EXCEPTION 'task_type is missing: what is to run' USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT allow_unknown_task
          AND NOT EXISTS (SELECT FROM rowcall.tasks AS t WHERE t.task_type = given ->> 'task_type') THEN
        RAISE EXCEPTION 'no worker ever offered the task %', quote_literal(given ->> 'task_type')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'allow_unknown_task => true creates it all the same.';
    END IF;
    zone := coalesce(given ->> 'timezone', 'UTC');
    given := given || jsonb_build_object('client_id', client, 'source', 'sql', 'schedule_type', coalesce(
        given ->> 'schedule_type', CASE WHEN given ? 'interval_seconds' THEN 'interval'
                                        WHEN given ? 'scheduled_time' THEN 'one_time' ELSE 'cron' END));
    FOREACH moment IN ARRAY ARRAY['scheduled_time', 'starts_at', 'ends_at'] LOOP
        IF given ? moment THEN
            IF rowcall.read_moment(given ->> moment, zone) IS NULL THEN
                RAISE EXCEPTION '% must be a date and time such as 2030-01-31T09:00:00 or 2030-01-31T09:00:00Z, not %',
                                moment, quote_literal(left(given ->> moment, 100))
                    USING ERRCODE = 'invalid_parameter_value', HINT = 'One without an offset is read in the time zone.';
            END IF;
            given := given || jsonb_build_object(moment, rowcall.read_moment(given ->> moment, zone));
        END IF;
    END LOOP;
    IF (given ->> 'scheduled_time')::timestamptz < now() THEN
        RAISE EXCEPTION 'scheduled_time lies in the past' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT string_agg(quote_ident(f.field), ', ') INTO columns FROM jsonb_object_keys(given) AS f (field);
    EXECUTE format('INSERT INTO rowcall.schedules (%1$s) SELECT %1$s '
                   'FROM jsonb_populate_record(NULL::rowcall.schedules, $1) RETURNING schedule_id', columns)
       INTO created USING given;
    PERFORM rowcall.named_as(asker);
    RETURN created;
END $$;

COMMENT ON FUNCTION rowcall.create_schedule(jsonb, text, boolean) IS
    'Create a schedule of these fields, in this transaction; its id. A rule that can''t be read makes it INVALID at the '
    'next look of a worker.';

CREATE OR REPLACE FUNCTION rowcall.pause_schedule(name text, reason text DEFAULT NULL, client text DEFAULT 'default')
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asker text := rowcall.named_as('');
    found rowcall.schedules := rowcall.locked_schedule(name, client);
    told  text := nullif(btrim(left(reason, 500)), '');
BEGIN
    IF found.status NOT IN ('ACTIVE', 'PAUSED') THEN
        RAISE EXCEPTION 'schedule % is %: it has no occurrences to pause', quote_literal(found.name), found.status
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = coalesce(found.status_reason, '');
    END IF;
    IF found.status = 'ACTIVE' OR told IS NOT NULL THEN
        UPDATE rowcall.schedules AS s
           SET status = 'PAUSED', status_reason = coalesce(told || format(' (by role %s)', session_user),
                                                           'by role ' || session_user)
         WHERE s.schedule_id = found.schedule_id;
    END IF;
    PERFORM rowcall.named_as(asker);
END $$;

COMMENT ON FUNCTION rowcall.pause_schedule(text, text, text) IS 'Stop new occurrences, in this transaction; what is open goes on.';

CREATE OR REPLACE FUNCTION rowcall.resume_schedule(name text, client text DEFAULT 'default')
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asker text := rowcall.named_as('');
    found rowcall.schedules := rowcall.locked_schedule(name, client);
BEGIN
    IF found.status NOT IN ('ACTIVE', 'PAUSED', 'INVALID') THEN
        RAISE EXCEPTION 'schedule % is %: it has no occurrences to resume', quote_literal(found.name), found.status
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = coalesce(found.status_reason, ''),
                  HINT = 'Give it other timing or another max_executions.';
    END IF;
    UPDATE rowcall.schedules AS s SET status = 'ACTIVE', status_reason = NULL
     WHERE s.schedule_id = found.schedule_id AND s.status <> 'ACTIVE';
    PERFORM rowcall.named_as(asker);
END $$;

COMMENT ON FUNCTION rowcall.resume_schedule(text, text) IS 'Go on with the next occurrence, in this transaction.';

CREATE OR REPLACE FUNCTION rowcall.execute_schedule(
    name text, input_data jsonb DEFAULT NULL, client text DEFAULT 'default')
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asker text := rowcall.named_as('');
    found     rowcall.schedules := rowcall.locked_schedule(name, client);
    asked_at  timestamptz := clock_timestamp();
    created   bigint := nextval('rowcall.execution_ids');
    has_room  boolean;
BEGIN
    IF found.status = 'INVALID' THEN
        RAISE EXCEPTION 'schedule % is INVALID; it can''t be run', quote_literal(found.name)
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = found.status_reason;
    ELSIF jsonb_typeof(execute_schedule.input_data) <> 'object' THEN
        RAISE EXCEPTION 'input_data is laid over that of the schedule: an object is needed'
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF rowcall.is_deep(execute_schedule.input_data) THEN
        RAISE EXCEPTION 'input_data is nested more than 64 deep'
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF found.task_type = 'http' AND execute_schedule.input_data ?| ARRAY['url', 'headers', 'method'] THEN
        RAISE EXCEPTION 'url, headers and method of the task http can''t be replaced here; change the schedule'
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF found.task_type IN ('sql', 'shell') AND execute_schedule.input_data ? 'name' THEN
        RAISE EXCEPTION 'name of the task % can''t be replaced here; change the schedule', found.task_type
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT count(*) < found.max_instances AND count(*) FILTER (WHERE o.worker_id IS NULL AND o.available_at IS NULL) = 0
      INTO has_room
      FROM rowcall.open_executions AS o WHERE o.schedule_id = found.schedule_id AND o.backfill_id IS NULL;
    PERFORM rowcall.ensure_partitions(asked_at, asked_at);
    INSERT INTO rowcall.open_executions
           (execution_id, schedule_id, scheduled_for, available_at, priority, trigger, route)
    VALUES (created, found.schedule_id, asked_at, CASE WHEN has_room THEN asked_at END, found.priority, 'manual', found.route);
    INSERT INTO rowcall.schedule_executions
           (execution_id, schedule_id, scheduled_for, available_at, schedule_version, priority, trigger, status,
            task_type, capability_required, input_data)
    VALUES (created, found.schedule_id, asked_at, CASE WHEN has_room THEN asked_at END, found.version, found.priority,
            'manual', 'QUEUED', found.task_type, found.capability_required,
            found.input_data || coalesce(execute_schedule.input_data, '{}'));
    PERFORM rowcall.write_audit('execution.requested', created::text, found.schedule_id, found.client_id, NULL,
        jsonb_build_object('version', found.version, 'input_data', rowcall.without_secrets(execute_schedule.input_data)));
    PERFORM pg_notify('rowcall', 'look');
    PERFORM rowcall.named_as(asker);
    RETURN created;
END $$;

COMMENT ON FUNCTION rowcall.execute_schedule(text, jsonb, text) IS
    'Queue a run now, in this transaction, behind what is open of the schedule; its execution_id.';

-- Lets a role create, pause, resume and execute schedules of any client by these functions, and nothing else.
CREATE OR REPLACE FUNCTION rowcall.grant_control(role_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = role_name) THEN
        RAISE EXCEPTION 'there is no role %', quote_ident(role_name) USING HINT = format('CREATE ROLE %I', role_name);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA rowcall TO %I', role_name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION rowcall.create_schedule(jsonb, text, boolean), '
                   'rowcall.pause_schedule(text, text, text), rowcall.resume_schedule(text, text), '
                   'rowcall.execute_schedule(text, jsonb, text) TO %I', role_name);
END $$;

-- ── who may look ────────────────────────────────────────────────────────────────────────────────────────────────────

-- Lets a role read the views above and call what only reads, and nothing else. Called for rowcall_monitor below, and by
-- the owner of this schema for any other role.
CREATE OR REPLACE FUNCTION rowcall.grant_monitor(role_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = role_name) THEN
        RAISE EXCEPTION 'there is no role %', quote_ident(role_name) USING HINT = format('CREATE ROLE %I', role_name);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA rowcall TO %I', role_name);
    FOR found IN SELECT c.oid::regclass::text FROM pg_catalog.pg_class AS c
                  WHERE c.relnamespace = 'rowcall'::regnamespace AND c.relkind = 'v' AND c.relname LIKE 'v\_%' LOOP
        EXECUTE format('GRANT SELECT ON %s TO %I', found, role_name);
    END LOOP;
    FOR found IN SELECT p.oid::regprocedure::text FROM pg_catalog.pg_proc AS p
                  WHERE p.pronamespace = 'rowcall'::regnamespace
                    AND (p.proname ~ '^(expla|told_)' OR p.proname IN ('sessions', 'is_zone', 'status_since', 'occurrences_around')) LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', found, role_name);
    END LOOP;
END $$;

-- Who may call functions is said one by one. Triggers call definition_of with the rights of whoever writes a schedule.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA rowcall FROM PUBLIC;

GRANT EXECUTE ON FUNCTION rowcall.definition_of(rowcall.schedules) TO PUBLIC;

-- Roles belong to the server: another database of it may have made this one, or may be making it now.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'rowcall_monitor') THEN
        BEGIN
            CREATE ROLE rowcall_monitor NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'the role rowcall_monitor, which may read the monitoring views, is not there, and % may not create it',
                    current_user
                    USING HINT = 'As a role that may: CREATE ROLE rowcall_monitor NOLOGIN. Then, as the owner of the '
                                 'schema: SELECT rowcall.grant_monitor(''rowcall_monitor'')';
                RETURN;
        END;
    END IF;
    PERFORM rowcall.grant_monitor('rowcall_monitor');
END $$;

-- ── to start with ───────────────────────────────────────────────────────────────────────────────────────────────────

-- Those of an installation that is older than this table; once more under a lock, for what was written meanwhile.
DO $$
BEGIN
    FOR pass IN 1..2 LOOP
        INSERT INTO rowcall.schedule_terms (term, schedule_id)
        SELECT unnest(rowcall.terms_of(s)), s.schedule_id
          FROM rowcall.schedules AS s
         WHERE s.status <> 'DISABLED'
           AND NOT EXISTS (SELECT FROM rowcall.schedule_terms AS t
                            WHERE t.term = rowcall.term('client', s.client_id) AND t.schedule_id = s.schedule_id)
            ON CONFLICT DO NOTHING;
        EXIT WHEN NOT FOUND;
        LOCK TABLE rowcall.schedules IN SHARE ROW EXCLUSIVE MODE;
    END LOOP;
END $$;

CREATE OR REPLACE TRIGGER close_what_was_open
    BEFORE DELETE ON rowcall.schedules FOR EACH ROW EXECUTE FUNCTION rowcall.close_what_was_open();

CREATE OR REPLACE TRIGGER forget_all_names
    AFTER TRUNCATE ON rowcall.schedules FOR EACH STATEMENT EXECUTE FUNCTION rowcall.forget_all_names();

-- The columns are named so that a claim, which sets none of them, fires nothing.
CREATE OR REPLACE TRIGGER schedule_is_about_to_change
    BEFORE INSERT OR UPDATE OF
        client_id, name, description, task_type, capability_required, route, input_data, priority, labels, schedule_type,
        cron_expression, cron_fields, interval_seconds, scheduled_time, timezone, starts_at, ends_at, jitter_seconds,
        max_executions, grace_period_seconds, "coalesce", catch_up_limit, overlap_policy, max_instances,
        timeout_seconds, max_retries, retry_backoff_seconds, callback_url, callback_events, is_static, source, status,
        status_reason, version
    ON rowcall.schedules FOR EACH ROW EXECUTE FUNCTION rowcall.schedule_is_about_to_change();

CREATE OR REPLACE TRIGGER schedule_has_changed
    AFTER INSERT OR UPDATE OF
        client_id, name, description, task_type, capability_required, input_data, priority, labels, schedule_type,
        cron_expression, cron_fields, interval_seconds, scheduled_time, timezone, starts_at, ends_at, jitter_seconds,
        max_executions, grace_period_seconds, "coalesce", catch_up_limit, overlap_policy, max_instances,
        timeout_seconds, max_retries, retry_backoff_seconds, callback_url, callback_events, is_static, source, status,
        status_reason
    ON rowcall.schedules FOR EACH ROW EXECUTE FUNCTION rowcall.schedule_has_changed();

CREATE OR REPLACE TRIGGER wake_workers
    AFTER INSERT OR UPDATE OF
        task_type, capability_required, priority, schedule_type, cron_expression, cron_fields, interval_seconds,
        scheduled_time, timezone, starts_at, ends_at, jitter_seconds, max_executions, status
    ON rowcall.schedules FOR EACH ROW WHEN (NEW.status = 'ACTIVE') EXECUTE FUNCTION rowcall.wake_workers();

-- The columns are named so that marking keys as used fires nothing.
CREATE OR REPLACE TRIGGER audit_key
    AFTER INSERT OR DELETE OR UPDATE OF key_id, secret_hash, client_id, name, scopes, created_at, expires_at, revoked_at
    ON rowcall.api_keys FOR EACH ROW EXECUTE FUNCTION rowcall.audit_key();

CREATE OR REPLACE TRIGGER audit_backfill
    AFTER INSERT OR UPDATE OF status ON rowcall.backfills FOR EACH ROW EXECUTE FUNCTION rowcall.audit_backfill();
