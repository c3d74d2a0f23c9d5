-- The static schedules of source $1 text that are not deleted.
SELECT s.schedule_id, s.client_id, s.name
  FROM rowcall.schedules AS s
 WHERE s.source = $1::text AND s.is_static AND s.status <> 'DISABLED'
