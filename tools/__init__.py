"""Tools beside the pack: an API client, the builder of our workflow files, and helpers for developers."""
