"""An independent verifier: it takes what the package claims and tries to refute it, in exact arithmetic.

What a claim means: X, y, weights and beta are the rational numbers that their float64 entries are. A `primal` is the
objective of the network in exact arithmetic, a `dual` holds for every network of every width with real weights, an
upper bound of a price for every real direction. Nothing here calls convexnn but to obtain the claims.

dyadic.py      floats as integers over a power of two
losses.py      losses in rational numbers (logarithms to 60 digits), and in float64 for the search
free_terms.py  an exact basis of the free terms that is well conditioned however nearly dependent they are
prices.py      directions whose exact value is large
problems.py    a training problem, and the exact objective of a network
rivals.py      networks whose exact objective is small; descent.py and linear_programs.py say how much of each neuron
claims.py      what is refuted: certificates, prices, strengths, fitted models
sets.py        the same for sets of optimal networks
cases.py       wild problems by number
attack.py      one case from its number to its refutations
run.py         many cases; ``python -m tests.verifier`` prints what is refuted, made small by shrinking.py
"""
