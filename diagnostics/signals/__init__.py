"""How much there is of each issue, and what is usual: counts, baselines, pulses, the backlog, deals in logs."""
