"""onnxslim 0.1.82 beside the one of `base`: ``--using onnxslim@0.1.82``."""
