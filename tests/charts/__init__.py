"""Numbers over time: axes, gaps, limits, marks, drawings, files."""
