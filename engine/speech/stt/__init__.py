"""Speech to text: the embedded recogniser, its language model and its worker processes."""
