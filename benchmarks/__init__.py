"""Figures that the documentation quotes. Each module is a command and writes its own file in results/."""
