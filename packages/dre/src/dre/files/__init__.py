"""Files in and out: the only place where column names, HDU names and cards are written down."""
