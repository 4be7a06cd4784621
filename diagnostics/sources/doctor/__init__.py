"""The examination of every source and of the console's own places: `everything.py`, one file a subject beside it."""
