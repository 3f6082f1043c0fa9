"""Reference anonymizers that hide the face: blur, pixelate, mask, and none as a floor to compare
with."""
