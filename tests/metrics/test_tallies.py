"""What a process counts, and the text it becomes."""

from __future__ import annotations

from random import Random

from prometheus_client.parser import text_string_to_metric_families

from rowcall.metrics.exposition import exposition
from rowcall.metrics.tallies import LAG_BOUNDS, Histogram, Tallies


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_each_bucket_holds_all_that_is_at_most_its_bound() -> None:
    random = Random(2)
    values = [random.expovariate(0.01) for _ in range(5000)] + list(LAG_BOUNDS)
    histogram = Histogram(LAG_BOUNDS)
    for value in values[:500]:
        histogram.add(value)
    histogram.add(*values[500:])
    histogram.add()

    expected = [sum(value <= bound for value in values) for bound in (*LAG_BOUNDS, float("inf"))]
    assert [count for _, count in histogram.cumulative()] == expected
    assert abs(histogram.sum - sum(values)) < 1e-6


def test_clocks_that_disagree_count_as_punctual() -> None:
    histogram = Histogram(LAG_BOUNDS)
    histogram.add(-0.5)
    assert (histogram.counts[0], histogram.sum) == (1, 0.0)
    histogram.add(2.0, -0.5, 0.001)
    assert (histogram.counts[0], histogram.sum) == (3, 2.001)


def test_what_has_never_happened_is_told_as_none() -> None:
    """A counter that is first seen at one has not risen, and an alert on its rise would not see the first."""
    found = samples(exposition(Tallies(), "1.2.3", None, None))
    for outcome in ("run", "missed", "skipped"):
        assert found["rowcall_occurrences_total", (("outcome", outcome),)] == 0
    for result in ("delivered", "failed", "dead"):
        assert found["rowcall_webhook_deliveries_total", (("result", result),)] == 0


def test_tallies_become_the_text_that_prometheus_reads() -> None:
    tallies = Tallies()
    tallies.ended('re"port\n', "succeeded", 0.2)
    tallies.ended('re"port\n', "retried", 70)
    tallies.ran(0.02)
    tallies.answered("missed")
    tallies.stale_results, tallies.leases_lost = 2, 1
    tallies.webhooks["dead"] += 3

    found = samples(exposition(tallies, "1.2.3", None, None))

    task = ("task", 're"port\n')
    assert found["rowcall_executions_total", (("result", "succeeded"), task)] == 1
    assert found["rowcall_execution_duration_seconds_sum", (("result", "retried"), task)] == 70
    assert found["rowcall_execution_duration_seconds_bucket", (("le", "60.0"), ("result", "retried"), task)] == 0
    assert found["rowcall_execution_duration_seconds_bucket", (("le", "300.0"), ("result", "retried"), task)] == 1
    assert found["rowcall_occurrences_total", (("outcome", "missed"),)] == 1
    assert found["rowcall_occurrence_lag_seconds_count", ()] == 1
    assert found["rowcall_stale_writes_rejected_total", ()] == 2
    assert found["rowcall_lease_lost_total", ()] == 1
    assert found["rowcall_webhook_deliveries_total", (("result", "dead"),)] == 3
    assert found["rowcall_database_up", ()] == 0
    assert not [name for name, _ in found if "oldest_due" in name]  # nothing is made up while the database is away
