-- What the audit needs to know of the whole installation; the schedules counted are those of $1 bigint[], or all (NULL).
SELECT now() AS now, i.history_floor_at, i.history_floor_at > i.created_at AS was_raised,
       i.tzdata_version, i.tzdata_since,
       EXISTS (SELECT FROM rowcall.workers AS w WHERE w.ended_at IS NULL
                  AND w.last_beat_at + make_interval(secs => w.lease_seconds) > clock_timestamp()) AS somebody_works,
       (SELECT count(*) FROM rowcall.schedules AS s WHERE $1::bigint[] IS NULL OR s.schedule_id = ANY ($1::bigint[])) AS schedules
  FROM rowcall.installation AS i
