// graphile-worker: one-off jobs with the same run-at, deleted when they are done. The preset of its own benchmark.
//   node graphile.mjs fill COUNT DUE | work          with PGHOST and the like set; says "ready" when it waits for work

import fs from "node:fs";
import pg from "pg";
import { run, runMigrations } from "graphile-worker";

const FLUSH_MS = 10;
const PAIR = 2;
const CHUNK = 1000;
const pool = new pg.Pool({ max: 25 });

async function fill(count, due) {
  await runMigrations({ pgPool: pool });
  // Each job touches the row of its task: in one transaction each would step over the versions that all before it left.
  for (let left = count; left > 0; left -= CHUNK) {
    await pool.query(
      "SELECT count(graphile_worker.add_job('noop', run_at => to_timestamp($2::float8))) FROM generate_series(1, $1::int)",
      [Math.min(left, CHUNK), due],
    );
  }
  await pool.end();
}

// Starts are gathered in memory and written to the notes a hundred times a second: their number comes last.
function notes() {
  const file = fs.openSync(process.env.BENCH_SAMPLES, "r+");
  let count = 0;
  let pending = [];
  setInterval(() => {
    if (pending.length === 0) return;
    const block = new Float64Array(pending);
    pending = [];
    fs.writeSync(file, block, 0, block.byteLength, 8 * (1 + PAIR * count));
    count += block.length / PAIR;
    fs.writeSync(file, new Float64Array([count]), 0, 8, 0);
  }, FLUSH_MS).unref();
  return () => pending.push((performance.timeOrigin + performance.now()) / 1000, 0);
}

async function work() {
  const note = notes();
  const runner = await run({
    pgPool: pool,
    taskList: { noop: async () => note() },
    preset: {
      worker: {
        concurrentJobs: 24,
        maxPoolSize: 25,
        pollInterval: 100,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  });
  console.log("ready");
  await runner.promise;
}

const [what, count, due] = process.argv.slice(2);
await (what === "fill" ? fill(Number(count), Number(due)) : work());
