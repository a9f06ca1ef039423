"""The search that proves a takedown: needles, and every place in which a file may hold them."""
