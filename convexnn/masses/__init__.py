"""The masses of given directions: lasso for one output, group lasso for several, and fewer of them for the same fit."""
