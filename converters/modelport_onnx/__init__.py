"""What plugins share about ONNX graphs: needs onnx and numpy only, imported inside functions."""
