"""zillow-incident-recovery: the backlog, how fast it may be worked off, and a plan for it. Nothing here can write."""
