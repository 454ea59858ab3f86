"""celer: the group lasso on the dense design ``[D_1 X .. D_P X]``, built within the time.

Its loss is ``1/(2 n) ||.||^2``, so its strength is ``beta / n``; it stops at a duality gap of ``tol ||y||^2 / n``.
"""

from celer import GroupLasso
from serving import group_lasso, serve

if __name__ == "__main__":
    serve(group_lasso(GroupLasso))
