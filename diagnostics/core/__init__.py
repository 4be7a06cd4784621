"""What every subject of the service layer stands on: the context, waiting, time, failures, the sanitizer."""
