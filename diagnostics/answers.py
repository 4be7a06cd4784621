"""Moved to `diagnostics.core.waiting`."""

from diagnostics.core.waiting import SingleFlight

SharedAnswers = SingleFlight
