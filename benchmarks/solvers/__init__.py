"""Every solver pair, and core's ways, on pictures whose true noise and true edits are known."""
