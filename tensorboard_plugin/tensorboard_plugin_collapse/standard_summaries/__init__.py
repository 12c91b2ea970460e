"""Logs that nobody watched: records and findings from the summaries that other tools write."""
