"""Live questions: watches that ask again while somebody looks, and the growing view of one log query."""
