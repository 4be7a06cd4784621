"""The command line: one module a subcommand, and the grammar, exit codes and output that they share."""
