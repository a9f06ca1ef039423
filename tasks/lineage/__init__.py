"""From a checkpoint to the documents that it read and back, and from a text to the training tokens that hold it."""
