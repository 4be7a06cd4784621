"""zillow-sync-diagnosis: why a deal does not sync, which deals do not, and which agents hold the wrong identity."""
