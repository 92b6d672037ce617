"""From files to files: many frames, one after the other, resumable."""
