"""Rights: what a page and its site say about training on it, and the licence it names."""
