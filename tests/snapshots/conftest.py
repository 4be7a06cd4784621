"""The fixtures that make applications and keep their frames until they rest, shared with the pilot tests."""

from tests.console.rest import frames_at_rest, sheets_parsed_once
from tests.console.rooms import make_app

__all__ = ["frames_at_rest", "make_app", "sheets_parsed_once"]
