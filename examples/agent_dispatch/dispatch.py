"""Has an agent do something each morning, and a first time now: python dispatch.py translation 'Good day.'

Which Rowcall, and with which key: ROWCALL_SERVER and ROWCALL_API_KEY, or the one on this machine.
"""

from __future__ import annotations

import sys

import rowcall


def dispatch(capability: str, text: str) -> None:
    """Schedule it, or change what is scheduled; run it once, and print what came of it."""
    name = f"{capability}-each-morning"
    with rowcall.Client() as client:
        client.schedules.replace(
            name,
            task_type="agent-task",
            capability_required=capability,
            cron_expression="0 6 * * *",
            input_data={"text": text},
        )
        ended = client.executions.wait(client.schedules.execute(name), timeout=60)
        print(ended.status, ended.error_message or ended.result_data["text"])
        print("again at", *client.schedules.upcoming(name, 2).upcoming)


if __name__ == "__main__":
    dispatch(*sys.argv[1:])
