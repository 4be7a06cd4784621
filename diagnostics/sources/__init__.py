"""Sources: sockets, time limits, budgets and the text gate, and nothing else. Import the source you need; each is heavy."""
