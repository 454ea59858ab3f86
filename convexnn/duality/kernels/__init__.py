"""Compiled inner loops of the search for the price, on plain arrays, without the interpreter lock."""
