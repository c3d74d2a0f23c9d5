-- no-transaction
-- What can be done only once the triggers of 0003 write down names and terms: these are brought in for the schedules that
-- were there before, and then take the place of indexes, which every run had to pay for. All of it bears being repeated.

-- A thousand at a time, each locked for that moment, so that nobody renames or deletes it meanwhile: no name is ever
-- there that no schedule has. Nobody is waited for while others are locked; what is busy gets another turn.
DO $$
DECLARE
    missing bigint[];
    named   bigint;
    give_up timestamptz := clock_timestamp() + interval '1 minute';
BEGIN
    LOOP
        missing := ARRAY(SELECT s.schedule_id
                           FROM rowcall.schedules AS s
                          WHERE s.status <> 'DISABLED'
                            AND NOT EXISTS (SELECT FROM rowcall.schedule_names AS n
                                             WHERE n.client_id = s.client_id AND n.name = s.name)
                          LIMIT 100000);
        EXIT WHEN missing = '{}';
        FOR place IN 1..cardinality(missing) BY 1000 LOOP
            WITH unchanging AS MATERIALIZED (
                SELECT s.client_id, s.name, s.schedule_id
                  FROM rowcall.schedules AS s
                 WHERE s.schedule_id = ANY (missing[place:place + 999]) AND s.status <> 'DISABLED'
                   FOR SHARE SKIP LOCKED
            )
            INSERT INTO rowcall.schedule_names (client_id, name, schedule_id)
            SELECT u.client_id, u.name, u.schedule_id FROM unchanging AS u
                ON CONFLICT DO NOTHING;  -- its own, if a trigger was first
            GET DIAGNOSTICS named = ROW_COUNT;
            COMMIT;
            IF named > 0 THEN
                give_up := clock_timestamp() + interval '1 minute';
            END IF;
        END LOOP;
        IF clock_timestamp() > give_up THEN
            RAISE EXCEPTION 'a schedule has been locked for a minute' USING ERRCODE = 'lock_not_available';
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;

-- Now the table holds the rule, under the name that programs know.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_constraint AS c
                WHERE c.conrelid = 'rowcall.schedule_names'::regclass AND c.conname = 'schedule_names_so_far') THEN
        DROP INDEX rowcall.schedules_name_taken;
        ALTER TABLE rowcall.schedule_names RENAME CONSTRAINT schedule_names_so_far TO schedules_name_taken;
    END IF;
END $$;

DROP INDEX IF EXISTS rowcall.schedules_unplanned, rowcall.schedules_not_active, rowcall.schedules_static;
