"""TensorFlow and TensorFlow Lite."""
