-- The time zone data by which all is planned, and the server's clock.
SELECT i.tzdata_version, clock_timestamp() AS now FROM rowcall.installation AS i
