"""The whole way of the data: demo and run."""
