"""Numbers from stored raw results. Each function is pure, and none of them drops an item."""
