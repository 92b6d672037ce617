"""From light curves to the columns that classifiers are trained on."""
