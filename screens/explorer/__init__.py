"""The log explorer, and one log line."""
