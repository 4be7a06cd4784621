"""A plan carried out: fed by a carrier at the pacer's rate, recorded before and after each batch, reported as lists."""
