"""An incident against the live world: figures, exit criteria, checklist, impact, tier, scope."""
