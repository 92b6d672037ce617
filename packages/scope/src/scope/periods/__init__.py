"""From light curves to periods: screens over all frequencies, distinct peaks, and a decision among them."""
