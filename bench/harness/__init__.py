"""What the benchmarks share.

server.py      a fresh, durable PostgreSQL, and fresh databases on it
workers.py     worker processes, as an operator would start them
samples.py     moments noted inside a worker, read from outside without asking it
filling.py     schedules in bulk
processes.py   processor time and memory, by /proc
metering.py    what a span of time cost: processor, WAL, commits, statements
figures.py     quantiles, and numbers as people read them
machine.py     the machine and the versions, as printed with every result
report.py      tables and plots, as Markdown and SVG
running.py     the command line of a benchmark
"""
