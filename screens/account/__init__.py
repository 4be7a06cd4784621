"""One account: its tabs, and what their rows lead to."""
