"""The judgement of an inversion: figures, what they mean, and the chart; no model is called."""
