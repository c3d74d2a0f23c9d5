"""Walkers: each goes through a graph from a node on, and tells what it has seen.

    rowcall serve --app walkers:app

No database has to be set up. `patrol` and `census` stand in the code, and are everyone's; users add walks of their own
over REST, with the node to start from in input_data: {"start": "london", "steps": 2}.
"""

from __future__ import annotations

import os
from itertools import chain

import rowcall

PATROL_SECONDS = int(os.environ.get("WALKERS_PATROL_SECONDS", "900"))

GRAPH = {
    "london": ["paris", "oslo"],
    "paris": ["london", "rome"],
    "oslo": ["london"],
    "rome": ["paris", "athens"],
    "athens": ["rome"],
}

app = rowcall.App("walkers")


@app.schedule(name="patrol", interval={"seconds": PATROL_SECONDS}, input_data={"start": "athens", "steps": 1})
@app.task("walk")
def walk(run: rowcall.Run) -> dict[str, object]:
    """Visits every node that is at most so many steps away, the near ones first."""
    start, steps = str(run.input_data.get("start")), int(run.input_data.get("steps", len(GRAPH)))
    if start not in GRAPH:
        raise rowcall.DoNotRetry(f"there is no node {start!r}; there are {', '.join(GRAPH)}")
    seen = front = {start: None}  # dicts keep their order
    for _ in range(steps):
        run.raise_if_cancelled()
        front = {node: None for node in chain.from_iterable(GRAPH[node] for node in front) if node not in seen}
        seen = seen | front
    return {"walker": "walk", "visited": list(seen)}


@app.schedule(name="census", cron_fields={"day_of_week": "sun", "hour": 4}, timezone="Europe/London")
@app.task("count-nodes")
def count_nodes() -> dict[str, int]:
    """Counts what there is."""
    return {"nodes": len(GRAPH), "edges": sum(map(len, GRAPH.values()))}
