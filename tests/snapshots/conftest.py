"""The fixture that makes applications, shared with the pilot tests."""

from tests.console.rooms import make_app

__all__ = ["make_app"]
