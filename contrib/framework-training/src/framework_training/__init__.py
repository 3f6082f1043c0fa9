"""Programs that train and measure the networks and make the donors. Nothing of a run needs them."""
