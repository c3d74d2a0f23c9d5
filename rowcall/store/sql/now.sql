-- PostgreSQL's clock, the only one that decides anything.
SELECT clock_timestamp()
