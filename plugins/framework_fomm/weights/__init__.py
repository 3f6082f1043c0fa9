"""The weights that ship (``fomm.safetensors``), and reading and writing of weight files."""

from framework_fomm.weights.files import load_model, save_model

__all__ = ["load_model", "save_model"]
