-- A worker starts: a new id. $1 name · $2 host · $3 pid · $4 version · $5 apps text[] · $6 routes text[] · $7 slots
-- $8 lease_seconds · $9 tzdata_version.
INSERT INTO rowcall.workers (name, host, pid, rowcall_version, apps, routes, slots, lease_seconds, tzdata_version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING worker_id
