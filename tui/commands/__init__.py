"""The `:` grammar: one module a family of verbs."""
