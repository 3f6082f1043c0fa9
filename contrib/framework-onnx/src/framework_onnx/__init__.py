"""Any ONNX network as an emotion classifier or an anonymizer, described by a small file."""
