"""Settings: their types, the layers they are read from, secrets, and the lines of TOML files."""
