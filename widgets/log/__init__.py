"""Log lines: buffer, line, list, pane, and the query above them."""
