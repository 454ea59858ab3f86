"""Follow the optimum from the largest strength down, from event to event (see `path_system` for the equations)."""

import warnings
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq
from sklearn.exceptions import ConvergenceWarning

from .._utils.threads import one_blas_thread
from .._utils.validation import deadline_after, is_late
from ..duality.pricing import local_prices, search_price
from ..exceptions import InvalidInputError, VertexLimitError
from ..optimal_sets.solution_set import solve_set
from .path_events import Event, State, Stuck, curve_without, face_at, is_among, next_piece
from .path_exclusion import excluded
from .path_intervals import Followed, Interval, best_conditioned, differences, network_of, nu_at, piece_at
from .path_system import PathRows

NO_PATH = (
    "exact=True needs a path to follow: the free terms fit y as well as any network, or X is zero, and no neuron is "
    "worth its cost at any beta."
)
MIN_BETA_MAX = 1e-12  # scaled: a price of the targets below this is rounding
MAX_EVENTS = 5000  # a path that has had more ends there
MAX_PIECES = 2000  # between two events
MAX_PARTS = 400  # an interval is cut into so many parts before something between its ends counts as not excluded
PRICE_EXCESS = 1e-10  # of beta: prices above it by more are those of directions that enter
SAME_PRICE = 1e-9  # of beta: directions whose prices reach beta together
TOP_SHARES = (0.0, 1e-9, 1e-6, 1e-3)  # of an interval, from its top: where prices are below beta for sure
LISTING_DEPTH = 1e-6  # of the price at which a direction enters: maxima down to there are all listed
RESTARTS = (1e-3, 1e-5, 1e-2, 1e-7)  # of beta: how far below an event the optimum is found from nothing
N_CLIMBS = 32  # random ascents that look for directions which have entered
MAX_LEAP = 0.05  # of beta: of a stretch that is not followed, at most this share is left out at once
MAX_SOLVE_SECONDS = 20.0  # for the optimum at one strength: only with ties that no list of directions ends at
MAX_VERTICES = 256  # states with more vertices are not followed
SAME_PLACE = 1e-9  # of beta: events from above and from below are one at this distance


def follow(problem, eps, deadline=None, n_jobs=None):
    """Follow the optimum of a `Problem` of the squared loss from beta_max to `eps` times it; return `Followed`."""
    rows = PathRows(problem)
    if rows.scaled is None:
        raise InvalidInputError(NO_PATH)
    with one_blas_thread():
        return _Walk(rows, eps, deadline, n_jobs).run()


class _Walk:
    """Where the path is: the strength, the state and its curves."""

    def __init__(self, rows, eps, deadline, n_jobs):
        self.rows, self.eps, self.deadline, self.n_jobs = rows, eps, deadline, n_jobs
        self.path, self.leap, self.parts = Followed(rows), 0.0, 0
        self.state, self.curve = State.of_one(()), curve_without(rows)

    def run(self):
        """Walk from event to event down to the smallest strength."""
        found = self._listed(self.rows.target, LISTING_DEPTH)
        if found.value <= MIN_BETA_MAX:
            raise InvalidInputError(NO_PATH)
        self.beta = found.value
        self.last = self.eps * self.beta
        self._enter(self.rows.target, np.zeros(0), found)
        try:
            self._walk()
        except KeyboardInterrupt:
            if not self.path.intervals:
                raise
            self.path.complete = False
            warnings.warn(
                f"interrupted: the path is followed, and returned, down to beta="
                f"{self.path.intervals[-1].lower * self.rows.unit:.6g}.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return self.path

    def _walk(self):
        """Take steps down to the smallest strength, as long as there is time."""
        while self.beta > self.last:
            if self.path.intervals and is_late(self.deadline) or len(self.path.intervals) >= MAX_EVENTS:
                self.path.complete = False
                return
            self._step()

    def _step(self):
        """Follow the path to its next event, prove that there is none before, and pass it."""
        top = self.beta
        if self.curve is None:
            self._restart()
            return
        try:
            pieces = self._march()
        except Stuck:
            self._restart()
            return
        # What the system does not know of are directions that enter: prices at the end, then the proof.
        entry = self._first_entry(pieces, top, pieces[-1].end)
        status, violated = "", None
        while not status:
            low = pieces[-1].end if entry is None else entry
            status, violated = self._prove(pieces, top, low)
            if violated is not None:
                entry, status = self._first_entry(pieces, top, violated), ""
        self.beta = pieces[-1].end if entry is None else entry
        used = [piece for piece in pieces if min(top, piece.start) > self.beta]
        if used:
            self._append(top, used, status)
        if entry is not None:
            self._pass_entry(used, entry)
        elif pieces[-1].events:
            self._pass_events(pieces[-1])
        # Else the smallest strength is reached.

    def _append(self, top, pieces, status):
        """Append the interval from `top` to here, to the last one where nothing has changed since."""
        last = self.path.intervals[-1] if self.path.intervals else None
        if last is not None and last.state is self.state:
            # The status first: an interrupt must not leave a stretch as proven that is not.
            last.status = last.status if status == "proven" else status
            last.lower, last.pieces = self.beta, last.pieces + pieces
            return
        self.path.intervals.append(Interval(top, self.beta, self.state, pieces, status))

    def _march(self):
        """Return the pieces down to the next event of the system itself, or to the smallest strength."""
        pieces, curve, beta = [], self.curve, self.beta
        while beta > self.last and len(pieces) < MAX_PIECES:
            try:
                piece = next_piece(self.state, curve, -1, self.last)
            except Stuck:
                if not pieces:
                    raise
                break  # as far as it goes; the next step begins there
            pieces.append(piece)
            if piece.events:
                break
            beta = self.last if piece.end <= self.last * (1.0 + 1e-15) else piece.end
            if beta > self.last:
                curve = self.state.curve(self.rows, beta, piece.gamma(beta))
        return pieces

    # Directions that enter

    def _first_entry(self, pieces, top, low):
        """Return the largest strength seen at which a direction enters, None if the price at `low` is beta."""
        entry = None
        while True:
            nu = nu_at(pieces, low if entry is None else entry)
            beta = low if entry is None else entry
            directions, values = self._others(nu)
            over = values > beta * (1.0 + PRICE_EXCESS)
            if not over.any():
                return entry
            starts = directions[over]

            def excess(strength, starts=starts):
                nu = nu_at(pieces, strength)
                return float(self._others(nu, starts)[1].max(initial=0.0)) / strength - 1.0

            # A direction that has just left has the price beta at the top, to rounding, and falls from there.
            above = [bound for share in TOP_SHARES if excess(bound := top - share * (top - beta)) < 0.0]
            if excess(beta) <= 0.0:
                return beta  # not met again: the proof will not close, and say so
            if not above:
                return top  # it had to enter before: the caller restarts
            found = brentq(excess, beta, above[0], xtol=1e-16 * top, rtol=1e-14, maxiter=200)
            if entry is not None and found <= entry * (1.0 + 1e-13):
                return entry
            entry = found

    def _others(self, nu, more=()):
        """Return the local maxima (directions, values) that are no followed directions; `more` are further starts."""
        known, starts = self.state.known(nu), self._starts(nu, more)
        found = zip(*local_prices(self.rows.design, nu, starts=starts, n_starts=N_CLIMBS), strict=True)
        others = [(direction, value) for direction, sign, value in found if not is_among(direction, sign, known)]
        return np.array([other[0] for other in others]), np.array([other[1] for other in others])

    def _starts(self, nu, more=()):
        """The followed directions and others, (k, n_inputs)."""
        starts = [*(direction for direction, _ in self.state.known(nu)), *more]
        return np.array(starts).reshape(-1, self.rows.design.shape[1])

    def _listed(self, nu, depth):
        # Within a budget: with many ties the list may never end, and what it lacks is proven away or found later.
        return search_price(self.rows.design, nu, proof="auto", depth=depth, deadline=self.deadline, n_jobs=self.n_jobs)

    def _pass_entry(self, pieces, beta):
        """Go on with the direction that enters at a strength; several at once are found from below."""
        if not pieces:
            self._restart()
            return
        nu = nu_at(pieces, beta)
        self._enter(nu, piece_at(pieces, beta).gamma(beta), self._listed(nu, LISTING_DEPTH))

    def _enter(self, nu, gamma, found):
        """Let the maximisers of the price that are no followed directions in."""
        known = self.state.known(nu)
        new = [
            (direction, sign)
            for direction, sign, value in zip(
                found.local_directions, found.local_signs, found.local_values, strict=True
            )
            if value >= self.beta * (1.0 - SAME_PRICE) and not is_among(direction, sign, known)
        ]
        if len(new) != 1 or len(self.state.supports) != 1:
            self._restart()
            return
        face = face_at(self.rows, *new[0])
        state = State.of_one((*self.state.faces, face))
        self._take_on(state, np.append(gamma, 0.0), [("enters", None, face)])

    # Events of the system

    def _pass_events(self, piece):
        """Go on in the state after the event at the end of a piece; several at once are found from below."""
        if len(piece.events) != 1 or len(self.state.supports) != 1:
            self._restart()
            return
        event: Event = piece.events[0]
        gamma = piece.gamma(self.beta)
        before = self.state.faces[event.face]
        try:
            state = self.state.changed(event)
        except Stuck:
            self._restart()
            return
        after = None
        if event.kind == "leaves":
            gamma = np.delete(gamma, event.face)
        else:
            after = state.faces[event.face]
        self._take_on(state, gamma, [(event.kind, before, after)])

    def _take_on(self, state, gamma, events):
        """Go on in a new state if its equations lead down from here, else find the optimum below."""
        try:
            curve = state.curve(self.rows, self.beta, gamma)
            if state.faces:
                next_piece(state, curve, -1, self.last)
        except Stuck:
            self._restart()
            return
        self.state, self.curve = state, curve
        self.path.events += [(self.beta, *event, curve.nu) for event in events]

    # Where the equations do not tell what comes next

    def _restart(self):
        """Find the optimum a little below and follow it up to here; where that fails say so, and go on from there."""
        top, before, known = self.beta, self.state, []
        for share in RESTARTS:
            self.beta = max(top * (1.0 - share), self.last)
            found = self._solved(self.beta)
            if found is None:
                continue
            known.append((self.beta, *found))
            pieces = self._pieces_up(*found, top)
            if pieces is not None:
                self.state, self.curve = found
                status, violated = self._prove(pieces, top, self.beta)
                self._append(top, pieces, status if violated is None else "not excluded")
                nu = nu_at(pieces, top)
                self.path.events += [(top, *event, nu) for event in differences(before, self.state, nu)]
                return
        self._leap(top, known)

    def _leap(self, top, known):
        """Leave a stretch out, as short as can be, but for twice as far as the last one where that was just before."""
        last = self.path.intervals[-1] if self.path.intervals else None
        again = last is not None and last.status == "not followed"
        self.leap = min(2.0 * self.leap, MAX_LEAP) if again else min(RESTARTS)
        least = max((1.0 - self.leap) * top, self.last)
        known = [found for found in known if found[0] <= least]
        none = (least, State.of_one(()), None)
        self.beta, self.state, self.curve = max(known, key=lambda found: found[0], default=none)
        if again:
            last.lower = self.beta
            return
        self.path.intervals.append(Interval(top, self.beta, State.of_one(()), [], "not followed"))
        self.path.events.append((top, "unknown", None, None, None))

    def _solved(self, beta):
        """Return the state of the optimum at a strength and its curve, None where it is not known."""
        rows = self.rows
        problem = replace(rows.problem, beta=beta * rows.unit)
        start = network_of(rows, self.curve) if self.curve is not None and self.curve.faces else None
        deadline = deadline_after(MAX_SOLVE_SECONDS)
        deadline = deadline if self.deadline is None else min(self.deadline, deadline)
        options = {"deadline": deadline, "n_jobs": self.n_jobs}
        found = solve_set(problem, start=start, vertex_limit=MAX_VERTICES, **options).optimal_set
        if found is None or len(found.signs) == 0:
            return None
        faces = tuple(face_at(rows, *pair) for pair in zip(found.directions, found.signs, strict=True))
        try:
            vertices = found.vertices
        except VertexLimitError:
            return None
        masses = vertices[best_conditioned(found.fits, vertices)]
        order = np.argsort(np.any((vertices > 0) != (masses > 0), axis=1), kind="stable")
        supports = tuple(tuple(np.flatnonzero(vertices[k]).tolist()) for k in order)
        gamma = masses[masses > 0] / (rows.mass_unit * beta)
        try:
            state = State(faces, supports)
            return state, state.curve(rows, beta, gamma)
        except Stuck:
            return None

    def _pieces_up(self, state, curve, top):
        """Return the pieces from a strength up to `top`, None where an event comes before."""
        pieces, beta = [], curve.beta
        try:
            while beta < top and len(pieces) < MAX_PIECES:
                piece = next_piece(state, curve, 1, top)
                if piece.events and piece.end < top * (1.0 - SAME_PLACE):
                    return None
                pieces.append(piece)
                beta = top if piece.events or piece.end >= top * (1.0 - 1e-15) else piece.end
                if beta < top:
                    curve = state.curve(self.rows, beta, piece.gamma(beta))
        except Stuck:
            return None
        return pieces

    # The proof in between

    def _prove(self, pieces, high, low):
        """Return ("proven" or "not excluded", a strength with a price above beta or None)."""
        if not low < high:
            return "proven", None
        self.parts = MAX_PARTS
        return self._prove_part(pieces, high, low)

    def _prove_part(self, pieces, high, low):
        self.parts -= 1
        hulls = [hull for piece in pieces if (hull := piece.hull(high, low)) is not None]
        ends = (high, nu_at(pieces, high)), (low, nu_at(pieces, low))
        if hulls and excluded(self.rows, self.state.faces, hulls, *ends):
            return "proven", None
        if high - low <= SAME_PLACE * high:  # events this close are one
            return "proven" if all(self._is_feasible(nu, beta) for beta, nu in ends) else "not excluded", None
        if self.parts <= 0 or is_late(self.deadline):
            return "not excluded", None
        middle = 0.5 * (high + low)
        nu = nu_at(pieces, middle)
        if self._others(nu)[1].max(initial=0.0) > middle * (1.0 + PRICE_EXCESS):
            return "", middle
        for part in ((high, middle), (middle, low)):
            status, violated = self._prove_part(pieces, *part)
            if status != "proven":
                return status, violated
        return "proven", None

    def _is_feasible(self, nu, beta):
        """Whether the price of a dual point is proven to be beta, to as many digits as events have."""
        options = {"level": beta, "tolerance": SAME_PLACE, "starts": self._starts(nu), "n_starts": N_CLIMBS}
        found = search_price(self.rows.design, nu, proof="auto", n_jobs=self.n_jobs, **options)
        return found.upper_bound <= beta * (1.0 + 2.0 * SAME_PLACE)
