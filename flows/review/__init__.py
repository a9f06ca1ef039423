"""Review around a curation: what people decided goes in, what the safety rules did comes out, and signatures."""
