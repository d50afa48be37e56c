"""Which solver and how many steps, with the direct path."""
