"""skglm: the group lasso on the dense design ``[D_1 X .. D_P X]``, built within the time.

Its loss is ``1/(2 n) ||.||^2``, so its strength is ``beta / n``; it stops when every group's distance to its
subdifferential is at most `tol`.
"""

from serving import group_lasso, serve
from skglm import GroupLasso

if __name__ == "__main__":
    serve(group_lasso(GroupLasso))
