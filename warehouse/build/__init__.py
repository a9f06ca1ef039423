"""The warehouse built from the lake and published by a pointer swap."""
