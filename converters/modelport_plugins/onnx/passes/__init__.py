"""Passes from ONNX to ONNX, one file each."""
