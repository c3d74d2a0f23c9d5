-- Remember what is offered. Arrays, one element a task: $1 task_type · $2 app · $3 description · $4 capabilities as JSON
-- arrays · $5 isolation · $6 timeout_seconds.
INSERT INTO rowcall.tasks (task_type, app, description, capabilities, isolation, timeout_seconds)
SELECT t.task_type, t.app, t.description, ARRAY(SELECT jsonb_array_elements_text(t.capabilities)), t.isolation, t.timeout_seconds
  FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::float8[])
    AS t (task_type, app, description, capabilities, isolation, timeout_seconds)
 ORDER BY t.task_type
ON CONFLICT (task_type) DO UPDATE
   SET app = excluded.app, description = excluded.description, capabilities = excluded.capabilities,
       isolation = excluded.isolation, timeout_seconds = excluded.timeout_seconds, last_offered_at = now()
