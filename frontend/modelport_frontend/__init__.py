"""The built page; ``dist`` beside this file holds it after ``npm run build``."""
