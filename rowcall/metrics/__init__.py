"""Figures for Prometheus: what this process counted, and how the whole installation stands.

tallies.py     what a worker adds to when it writes results back: whole numbers, a batch at a time
exposition.py  tallies and rows of the database as the text that Prometheus reads
"""
