"""zillow-oauth-diagnosis: what is right and wrong with the credentials of one user, or of everybody in an account."""
