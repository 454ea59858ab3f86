"""The program over given patterns: other packages beside ours."""

from stored import draw_ratios

draw_ratios("cones", ["cvxpy+Clarabel", "cvxpy+SCS", "adelie", "pyscnn AL"], loose_from=1e-6)
