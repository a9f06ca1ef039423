"""What people decide about documents and corpora: files in the lake's ``reviews/``, and what is asked of them."""
