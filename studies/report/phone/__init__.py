"""A figure on a phone: laid out for its width, titles that fit, panels below each other."""
