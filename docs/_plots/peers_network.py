"""Training networks: the time of others over ours until one of our networks is as good as theirs."""

from stored import draw_ratios

PEERS = ["MLPRegressor L-BFGS", "torch Adam, 4 seeds", "torch Adam, minibatch", "torch Adam, all rows"]
draw_ratios("network", PEERS, loose_from=1.0)
