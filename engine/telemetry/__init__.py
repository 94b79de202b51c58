"""What is known about a call afterwards: event log, report, call page; and the watch over the hub."""
