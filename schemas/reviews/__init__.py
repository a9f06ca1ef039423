"""What people say about documents and corpora: decisions, samples and signatures, and when decisions count."""
