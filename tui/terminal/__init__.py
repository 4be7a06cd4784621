"""The terminal: the way of bytes to it, its signals and clipboard, and what it can show."""
