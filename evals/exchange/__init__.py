"""Exchange: outputs and results of other evaluation software, read and written."""
