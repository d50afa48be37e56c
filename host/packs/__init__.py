"""One file for each foreign project: the only places with its names in them."""
