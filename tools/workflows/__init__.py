"""Our workflow files: their descriptions, one module each, and what builds the files of them."""
