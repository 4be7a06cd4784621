"""What terminals, multiplexers and shells do to the console, played for real: `python -m tests.terminals`."""
