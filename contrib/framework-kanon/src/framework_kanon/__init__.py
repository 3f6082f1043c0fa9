"""k-same: a face becomes the average of the k donors that are most like it."""
