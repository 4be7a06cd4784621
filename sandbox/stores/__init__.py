"""Where the databases of a story live, how they are filled and kept in the present."""
