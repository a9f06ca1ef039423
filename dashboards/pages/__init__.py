"""One module a page: each has ``draw``, which asks the warehouse and draws the answer."""
