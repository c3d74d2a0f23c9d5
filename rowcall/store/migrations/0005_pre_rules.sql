-- no-transaction
-- What a definition has to be is judged by the trigger of 0003 where one is written, and no longer by each run. Each
-- statement by itself, for a moment only; the rows that are there are read under a lock that lets everybody go on.
ALTER TABLE rowcall.schedules
    DROP CONSTRAINT IF EXISTS schedules_name_form,
    DROP CONSTRAINT IF EXISTS schedules_client_form,
    DROP CONSTRAINT IF EXISTS schedules_task_type_form,
    DROP CONSTRAINT IF EXISTS schedules_capability_form,
    DROP CONSTRAINT IF EXISTS schedules_input_is_an_object,
    DROP CONSTRAINT IF EXISTS schedules_labels_are_an_object,
    DROP CONSTRAINT IF EXISTS schedules_priority_range,
    DROP CONSTRAINT IF EXISTS schedules_trigger_matches_its_type,
    DROP CONSTRAINT IF EXISTS schedules_window_is_not_empty,
    DROP CONSTRAINT IF EXISTS schedules_jitter_range,
    DROP CONSTRAINT IF EXISTS schedules_max_executions_range,
    DROP CONSTRAINT IF EXISTS schedules_grace_range,
    DROP CONSTRAINT IF EXISTS schedules_coalesce_known,
    DROP CONSTRAINT IF EXISTS schedules_catch_up_range,
    DROP CONSTRAINT IF EXISTS schedules_overlap_known,
    DROP CONSTRAINT IF EXISTS schedules_allow_needs_instances,
    DROP CONSTRAINT IF EXISTS schedules_timeout_range,
    DROP CONSTRAINT IF EXISTS schedules_retries_range,
    DROP CONSTRAINT IF EXISTS schedules_backoff_range,
    DROP CONSTRAINT IF EXISTS schedules_callback_events_known,
    DROP CONSTRAINT IF EXISTS schedules_moments_in_our_era,
    ADD CONSTRAINT schedules_moments_in_our_era CHECK (
        least(created_at, next_occurrence_at, next_run_at, last_occurrence_at, last_run_at, updated_at, disabled_at)
            >= '1970-01-01Z'
        AND created_at <= '9000-12-31Z'
        AND greatest(next_occurrence_at, next_run_at, last_occurrence_at, last_run_at, updated_at, disabled_at)
            <= '9100-12-31Z') NOT VALID;

ALTER TABLE rowcall.schedules VALIDATE CONSTRAINT schedules_moments_in_our_era;
