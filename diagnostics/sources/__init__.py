"""Sources: sockets, time limits, budgets and the text gate, and nothing else.

Import the one you need, when you need it: each brings a heavy library with it.
"""
