"""What delivers events in the stand-in world, and what takes them: a recovery is practised against it."""
