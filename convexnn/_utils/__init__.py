"""What every layer uses: checks of arguments, threads, progress, compiled kernels, displays."""
