"""The cost of the steps of training, in nanoseconds of one core: estimates by size, so that budgets need no clock.

Measured on one core of a server of 2023; all that a budget asks of them is that they are the same everywhere.
"""

PRODUCT_WORK = 0.03  # nanoseconds of a multiplication and an addition in a product of large matrices
THIN_PRODUCT_WORK = 0.1  # the same where one matrix has few columns
GATE_WORK = 2.0  # nanoseconds of an entry of the hidden layer, in a gradient
NEWTON_PRODUCT_WORK = 0.12  # nanoseconds of a multiplication in a Newton system, which is factorised more than once
CROSSING_WORK = 3.0  # nanoseconds of a line in a step of a climb
CLIMB_STEPS_PER_ROOT_RANK = 12.0  # steps of a climb, per root of the rank
APPROACH_PASSES = 10.0  # passes over all lines in an approach
COLUMN_EXCHANGES = 6.0  # exchanges of all columns of the active set, in factors made anew
CALL_WORK = 1e6  # nanoseconds of a move besides its products: some steps of plain Python
NEWTON_TRIALS = 20  # points at which a Newton step is tried
# Newton steps of several outputs from 2e8 multiplications on, hundredths of a second, are too dear while the gap is
# wide, and from 2e10 on, seconds, at any gap.
COARSE_VECTOR_PRODUCTS, MAX_VECTOR_PRODUCTS = 2e8, 2e10

PROOF_SHARE = 1 / 3  # a proof that is not expected to end may take a third of the work of training,
MIN_PROOF_WORK = 1e8  # and a tenth of a second in any case
MIN_SETTLED_WORK = 5e8  # half a second of training before it may settle: short runs end by themselves
SETTLED_SHARE = 1 / 3  # training settles when the last third of its work
MIN_SETTLED_FALL = 1e-5  # has lowered the objective by less than this share of itself


def masses_work(n_samples, n_columns, n_inputs):
    """Return the work of the fits of columns and of their best masses."""
    fits = n_samples * n_columns * (PRODUCT_WORK * (n_inputs + n_columns) + GATE_WORK)
    return fits + COLUMN_EXCHANGES * PRODUCT_WORK * n_columns**3 + CALL_WORK


def newton_work(n_samples, width, n_inputs):
    """Return the work of a Newton step on the kinks."""
    size = width * n_inputs
    return NEWTON_PRODUCT_WORK * size**2 * (n_samples + size / 3) + NEWTON_TRIALS * GATE_WORK * n_samples * width


def vector_newton_products(problem, n_neurons):
    """Return the multiplications of a Newton step on the neurons of several outputs."""
    n, c = problem.y.shape
    return n * c * float(n_neurons * (problem.design.shape[1] + c)) ** 2


def gradient_work(n_samples, width, n_inputs):
    """Return the work of an evaluation of the objective and its gradient."""
    return n_samples * width * (2.0 * THIN_PRODUCT_WORK * n_inputs + GATE_WORK)


def ascent_work(n_lines, rank, n_starts, rough):
    """Return the work of ascents on the price from some starts."""
    steps = APPROACH_PASSES if rough else CLIMB_STEPS_PER_ROOT_RANK * rank**0.5
    return n_starts * n_lines * steps * (THIN_PRODUCT_WORK * rank + CROSSING_WORK)


def proof_work(work):
    """Return what a proof may take that is not expected to end, after so much work of training."""
    return max(MIN_PROOF_WORK, PROOF_SHARE * work)


class Course:
    """The rounds of a training that may have a budget, and whether it has settled."""

    def __init__(self, max_work):
        self.max_work, self.marks = max_work, []

    def has_settled(self, work, objective):
        """Note a round; whether the budget is spent, or the objective hardly fell during the last third of the work."""
        if self.max_work is None:
            return False
        self.marks.append((work, objective))
        before = [then for spent, then in self.marks if spent <= (1.0 - SETTLED_SHARE) * work]
        hardly = work > MIN_SETTLED_WORK and len(before) > 0 and objective > (1.0 - MIN_SETTLED_FALL) * before[-1]
        return work > self.max_work or hardly
