-- All is planned by the time zone data $1 text from now on, and was by $2 text: nothing where somebody has noted more.
UPDATE rowcall.installation AS i
   SET tzdata_version = $1::text,
       tzdata_since = CASE WHEN EXISTS (SELECT FROM rowcall.schedules) THEN clock_timestamp() ELSE i.tzdata_since END
 WHERE i.tzdata_version = $2::text
RETURNING i.tzdata_since
