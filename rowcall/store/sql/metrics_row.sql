-- How everything stands, in one row.
SELECT m.postgres, m.schema_version, m.schedules_active, m.schedules_paused, m.schedules_completed, m.schedules_invalid,
       m.schedules_unplanned, m.due, m.queued, m.running, m.to_be_retried, m.waiting, m.oldest_due_seconds,
       m.unroutable_due, m.workers_running, m.workers_draining, m.workers_silent, m.slots, m.free_slots,
       m.history_bytes, m.history_days_ahead, m.oldest_snapshot_seconds, m.sessions_waiting_for_locks
  FROM rowcall.v_metrics AS m
