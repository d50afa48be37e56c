"""Whether the model's first answers tell that a look lies across lightness from the source."""
