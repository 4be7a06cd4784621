"""The shared and the client databases, over MySQL's protocol or in SQLite files: addresses, sessions, statements."""
