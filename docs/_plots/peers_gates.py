"""The group lasso of gated networks: other packages beside ours."""

from stored import draw_ratios

draw_ratios("gates", ["celer", "skglm", "adelie"], loose_from=1e-6)
