"""The real programs, when they are installed: find them, run them, explain what went wrong."""
