"""Level 2: system health, what it drills into, problems and monitor drafts."""
