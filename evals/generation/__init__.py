"""Generation: requests to a model and its stored responses."""
