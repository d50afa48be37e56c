"""Figures that the documentation quotes: `python -m benchmarks.<name>` writes <name>.md in results/."""
