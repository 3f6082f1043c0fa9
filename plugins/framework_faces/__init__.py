"""Faces: the reference detector (RetinaFace) and tracker (ByteTrack)."""
