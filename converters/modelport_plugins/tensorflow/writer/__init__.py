"""Writes TensorFlow Lite models from ONNX, with onnx2tf."""
