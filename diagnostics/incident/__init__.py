"""The human half of an incident: the record, the people, the clock, and what is said to whom."""
