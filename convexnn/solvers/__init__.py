"""From a problem to a network with its proof, one algorithm a file."""
