"""From repeated exposures to the pixels of their cosmic rays."""
