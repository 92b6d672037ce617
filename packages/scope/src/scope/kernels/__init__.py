"""Arrays in, arrays out: the loops that light curves spend their time in."""
