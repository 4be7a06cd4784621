"""Before there is a configuration: what is needed, and a dialogue that asks for it, tests it and writes the file."""
