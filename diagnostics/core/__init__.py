"""Foundation of the service layer: the context, waiting, time, failures, the sanitizer."""
