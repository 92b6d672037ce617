"""Files of a working folder to and from the objects of the domain; names, columns and units are written down here."""
