"""Files and what is in them: names, extensions and units are written down here."""
