-- The schedules of the sources $1 text[] that are neither deleted nor static. Reads them all: asked by people, and rarely.
SELECT s.schedule_id
  FROM rowcall.schedules AS s
 WHERE s.source = ANY ($1::text[]) AND NOT s.is_static AND s.status <> 'DISABLED'
 ORDER BY s.schedule_id
