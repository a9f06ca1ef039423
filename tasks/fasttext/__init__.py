"""fastText models without the fastText library: the file read into arrays, and prediction as compiled kernels."""
