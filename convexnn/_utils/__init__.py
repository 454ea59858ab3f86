"""Tools of every layer: checks of arguments, threads, progress, compiled kernels, displays."""
