"""The one HTTP transport, on real sockets."""
