"""What schedules a random walk through the store makes, and how it lets attempts end."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from rowcall.domain.executions import Outcome

ROUTES = ("work",)
NOBODYS = "unheard-of"

moments = st.sampled_from([-3600, -20, 0, 20, 90, 3600]).map(lambda seconds: timedelta(seconds=seconds))
timings = st.one_of(
    st.sampled_from([1, 10, 60, 3600]).map(lambda seconds: {"interval_seconds": seconds}),
    st.sampled_from([{"second": "*/10"}, {"minute": "*/5", "second": "30"}]).map(lambda cron: {"cron_fields": cron}),
)
policies = st.fixed_dictionaries(
    {"overlap_policy": st.sampled_from(["skip", "queue", "allow", "cancel_running"])},
    optional={
        "max_instances": st.sampled_from([2, 3]),
        "coalesce": st.just("all"),
        "catch_up_limit": st.sampled_from([1, 3]),
        "grace_period_seconds": st.sampled_from([1, 30, 7200]),
        "max_executions": st.sampled_from([1, 2, 5]),
        "jitter_seconds": st.just(5),
        "priority": st.just(9),
    },
).map(lambda drawn: drawn | ({"max_instances": 2} if drawn["overlap_policy"] == "allow" else {}))
fixed = st.fixed_dictionaries(
    {"max_retries": st.sampled_from([0, 1, 2]), "task_type": st.sampled_from([*ROUTES * 5, NOBODYS])},
    optional={"retry_backoff_seconds": st.just(0)},
)
outcomes = st.sampled_from(
    [
        Outcome.succeeded("1"), Outcome.succeeded(), Outcome.failed("no"), Outcome.failed("no"),
        Outcome.refused("never"), Outcome.timed_out("slow"), Outcome.cancelled("told to"), Outcome.given_back(),
    ]
)  # fmt: skip
