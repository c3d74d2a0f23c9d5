-- A page of the executions of a few schedules, the latest moments first: the first few of each, along
-- one_row_per_occurrence, whatever others have in the ledger.
-- $1 bigint[]: the schedules · $2 int: at most so many. NULL leaves open: $3 statuses text[] · $4 task_type · $5 trigger
-- $6 and $7 scheduled from and before timestamptz. $8 timestamptz and $9 bigint: before this row, NULL for the first page.
-- An equal share is taken of each first: where those fill a page, nothing before the last of them belongs to it, and so
-- what is read is about two pages, and not a page of every schedule.
WITH shares AS (
    SELECT share.scheduled_for
      FROM unnest($1::bigint[]) AS own (schedule_id)
     CROSS JOIN LATERAL (
           SELECT e.scheduled_for
             FROM rowcall.schedule_executions AS e
            WHERE e.schedule_id = own.schedule_id
              AND (e.status = ANY ($3::text[]) OR $3 IS NULL)
              AND ($4::text IS NULL OR e.task_type = $4)
              AND ($5::text IS NULL OR e.trigger = $5)
              AND e.scheduled_for >= coalesce($6::timestamptz, '-infinity')
              AND e.scheduled_for < coalesce($7::timestamptz, 'infinity')
              AND e.scheduled_for <= coalesce($8::timestamptz, 'infinity')
              AND ($8::timestamptz IS NULL OR e.scheduled_for < $8 OR e.execution_id < $9::bigint)
            ORDER BY e.scheduled_for DESC
            LIMIT 1 + ($2::int - 1) / greatest(1, cardinality($1::bigint[]))) AS share
), earliest AS (
    SELECT scheduled_for FROM shares ORDER BY scheduled_for DESC OFFSET $2::int - 1 LIMIT 1
)
SELECT found.execution_id, found.scheduled_for
  FROM unnest($1::bigint[]) AS own (schedule_id)
 CROSS JOIN LATERAL (
       SELECT e.execution_id, e.scheduled_for
         FROM rowcall.schedule_executions AS e
        WHERE e.schedule_id = own.schedule_id
          AND (e.status = ANY ($3::text[]) OR $3 IS NULL)
          AND ($4::text IS NULL OR e.task_type = $4)
          AND ($5::text IS NULL OR e.trigger = $5)
          AND e.scheduled_for >= coalesce((SELECT scheduled_for FROM earliest), $6::timestamptz, '-infinity')
          AND e.scheduled_for < coalesce($7::timestamptz, 'infinity')
          AND e.scheduled_for <= coalesce($8::timestamptz, 'infinity')
          AND ($8::timestamptz IS NULL OR e.scheduled_for < $8 OR e.execution_id < $9::bigint)
        ORDER BY e.scheduled_for DESC, e.execution_id DESC
        LIMIT $2::int) AS found
 ORDER BY found.scheduled_for DESC, found.execution_id DESC
 LIMIT $2::int
