"""The program: application, navigation, the `:` grammar, the command line, the terminal."""
