"""Base of all catalogue entries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, Strict

from diagnostics.config.toml import ConfigurationError
from diagnostics.models.evidence import Frozen

Text = Annotated[str, Field(min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Texts = Annotated[tuple[Text, ...], Strict(False)]
"""A list of strings. TOML has arrays and no tuples, so the container alone is read leniently."""

Numbers = Annotated[tuple[Number, ...], Strict(False)]

Severity = Literal["critical", "incident", "high", "normal", "monitoring", "preventive"]


class CatalogueError(ConfigurationError):
    """A mistake in the catalogue: `file`, `line`, `value`, and what is accepted. Exit code 64."""


class CatalogueEntry(Frozen):
    """Base of catalogue entries: no silent conversion, so that `"10000"` is not taken for a number."""

    model_config = ConfigDict(strict=True)
