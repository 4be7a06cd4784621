"""The shared service layer: everything that knows anything, and nothing of the terminal."""
