"""Compiled passes over plain arrays; what they are for is said by the files above them."""
