-- Along what a page is read fastest: the term that the fewest schedules have, of $1 text[], the first of several. NULL
-- where even fewer have one of the statuses $3 text[], which is NULL where ACTIVE ones are wanted too: those are no way.
-- $2 int: no way is counted further than that.
SELECT way.term
  FROM (SELECT wanted.term, wanted.place, counted.schedules
          FROM unnest($1::text[]) WITH ORDINALITY AS wanted (term, place)
         CROSS JOIN LATERAL (
               SELECT count(*) AS schedules
                 FROM (SELECT FROM rowcall.schedule_terms AS t WHERE t.term = wanted.term LIMIT $2::int) AS few) AS counted
         UNION ALL
        SELECT NULL, 0, count(*)
          FROM (SELECT FROM rowcall.schedules AS s
                 WHERE s.status <> 'ACTIVE' AND s.status = ANY ($3::text[]) LIMIT $2::int) AS few
        HAVING $3::text[] IS NOT NULL) AS way
 ORDER BY way.schedules, way.place
 LIMIT 1
