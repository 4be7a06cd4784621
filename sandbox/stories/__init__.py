"""Stories: scenarios, accounts and people, and the log events of a story as time passes."""
