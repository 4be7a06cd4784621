"""Knowledge of the world that is diagnosed: data that ships with the console, overridden by the team's own files."""

from __future__ import annotations

from diagnostics.catalogue.loader import load_catalogue
from diagnostics.catalogue.model import Catalogue, CatalogueError
from diagnostics.catalogue.queries import query_problems, validate_queries

__all__ = ["Catalogue", "CatalogueError", "load_catalogue", "query_problems", "validate_queries"]
