"""The Restyle Report's figures against the true ones, on a world whose right answers are known."""
