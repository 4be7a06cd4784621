"""Questions over thousands of client databases at once: fanned out with bounds, or put to the analytics engine."""
