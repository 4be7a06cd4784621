"""Couriers to tracking services, against the stand-ins over real sockets."""
