"""How long the page takes to load with and without this pack, and a template of ours beside one of core's."""
