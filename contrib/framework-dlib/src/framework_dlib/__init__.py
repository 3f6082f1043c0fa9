"""dlib's face recognition network as a recognizer plugin."""
