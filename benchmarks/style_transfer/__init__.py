"""Style transfer on a world whose right answers are known: our pairs, core's ways, and no unsampling."""
