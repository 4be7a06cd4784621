"""One account: header, findings, and the rows of its tabs. Every list pages by key; nothing is read whole."""
