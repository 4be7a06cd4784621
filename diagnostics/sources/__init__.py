"""Sources: sockets, time limits, budgets, the sanitizer on the way in, and nothing else.

Import the one you need, when you need it: each brings a heavy library with it.
"""
