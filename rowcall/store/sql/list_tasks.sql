-- Every task type that was ever offered, and how many live workers offer it now, whatever capabilities they add.
SELECT t.task_type, t.app, t.description, t.capabilities, t.isolation, t.timeout_seconds, t.first_offered_at,
       t.last_offered_at,
       (SELECT count(*)
          FROM rowcall.workers AS w
         WHERE w.ended_at IS NULL AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()
           AND t.task_type = ANY (SELECT split_part(r, '@', 1) FROM unnest(w.routes) AS r))::int AS live_workers
  FROM rowcall.tasks AS t
 ORDER BY t.task_type
