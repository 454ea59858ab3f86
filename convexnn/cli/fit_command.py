"""Train a network on a table, with a certificate of how far from the best one it can be."""

from functools import partial

import numpy as np

from ..estimators import ConvexReLUClassifier, ConvexReLURegressor
from .arguments import (
    add_beta,
    add_data,
    add_effort,
    add_objective,
    add_require_proof,
    count,
    positive,
    seed,
    terms_of,
)
from .block_data import BlockData
from .loading import open_training
from .models import check_model_file, save_model
from .outcomes import (
    Outcome,
    certificate_entries,
    counted,
    loss_text,
    neurons_text,
    prepared_text,
    print_pairs,
    proven_or_not,
)
from .streams import note, say, verbosity
from .tasks import (
    ALL_LOSSES,
    CLASSIFICATION,
    REGRESSION,
    are_classes_by_loss,
    choose_task,
    classes_text,
    default_loss,
    may_be_labels,
)

# Arguments of the command that are parameters of the estimators of the same name.
SHARED = ("beta", "max_width", "proof", "tol", "max_iter", "time_limit", "n_jobs")

DEFAULT_TOL = 1e-6


def add_arguments(parser):
    """Add the arguments of the command."""
    add_data(parser, blocks=True)
    objective = add_objective(parser, ALL_LOSSES)
    add_beta(objective)
    classes = "several classes by one joint network (default), or by one network each against the rest (ovr)"
    objective.add_argument("--multi-class", choices=("joint", "ovr"), default="joint", help=classes)
    objective.add_argument("--balanced", action="store_true", help="give all classes the same total weight")
    objective.add_argument("--max-width", type=count, metavar="M", help="largest number of hidden neurons")
    effort = add_effort(parser)
    tol = "relative gap to reach (default: 1e-6; in blocks, training ends when the objective hardly falls)"
    effort.add_argument("--tol", type=positive, help=tol)
    effort.add_argument("--max-iter", type=count, default=500, metavar="N", help="largest number of rounds")
    add_require_proof(effort)
    effort.add_argument("--seed", type=seed, default=0, help="of the starts of local searches (default: 0)")
    parser.add_argument(
        "-o", "--output", metavar="MODEL.npz", help="save the network with data and certificate (.onnx: it alone)"
    )


def run(arguments):
    """Fit the estimator; return its `Outcome`."""
    with open_training(arguments) as data:
        return _fit(arguments, data)


def _fit(arguments, data):
    task = choose_task(arguments.task, arguments.loss, data)
    if task == REGRESSION and arguments.task == "auto" and may_be_labels(data):
        note(f"--target {data.targets[0]} is taken as numbers; --task classification takes it as classes.")
    if are_classes_by_loss(arguments.task, arguments.loss, data):
        note(
            f"--target {data.targets[0]} has {len(np.unique(data.y))} distinct numbers, which are taken as classes "
            f"because --loss {arguments.loss} is for classes; --loss squared takes them as numbers."
        )
    # Whatever could not be saved is refused before the training, which may take hours.
    check_model_file(arguments.output, task, data, arguments.multi_class)
    model = make_estimator(arguments, task, isinstance(data, BlockData))
    try:
        data.fit(model)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted before there was a network; nothing was saved.") from error
    if model.status_ == "interrupted":
        say("interrupted: the best network so far is kept, with its true certificate.")
    # The document is complete but for the path, which is set once the file is written.
    document = _document(model, data, task)
    exit_code = proven_or_not(document["proven"], model.status_ == "interrupted", arguments.require_proof)

    def save():
        save_model(model, data, arguments.output)
        document["output"] = arguments.output

    show = partial(_show, model=model, data=data, document=document)
    return Outcome(document, show, exit_code, None if arguments.output is None else save)


def make_estimator(arguments, task, in_blocks=False):
    """Return the estimator that the arguments describe."""
    options = {name: getattr(arguments, name) for name in SHARED} | terms_of(arguments)
    options |= {"loss": arguments.loss or default_loss(task), "random_state": arguments.seed}
    options["verbose"] = verbosity(arguments)
    if arguments.tol is None:
        options["tol"] = "auto" if in_blocks else DEFAULT_TOL
    if task == REGRESSION:
        return ConvexReLURegressor(**options, huber_delta=arguments.huber_delta, quantile=arguments.quantile)
    weights = "balanced" if arguments.balanced else None
    return ConvexReLUClassifier(**options, multi_class=arguments.multi_class, class_weight=weights)


def _document(model, data, task):
    score = data.score(model)
    return {
        "task": task,
        "loss": model.loss,
        "status": model.status_,
        "proven": model.status_ == "proven",
        "n_samples": data.n_rows,
        "features": data.features,
        "targets": data.targets,
        "classes": model.classes_ if task == CLASSIFICATION else None,
        "preparation": data.preparation.to_json(),
        "center": data.center,
        "scale": data.scale,
        "beta": model.beta_,
        "beta_max": model.beta_max_,
        "beta_max_proof": model.beta_max_proof_,
        "width": model.network_.width,
        "n_iter": model.n_iter_,
        "certificate": certificate_entries(model.certificate_),
        "training_r2" if task == REGRESSION else "training_accuracy": score,
        "output": None,  # until it is saved
    }


def _show(console, model, data, document):
    console.print(str(model.certificate_))
    classes = document["classes"]
    rows, features = counted(document["n_samples"], "row"), counted(len(document["features"]), "feature")
    pairs = {
        "data": f"{rows} x {features}, {document['task']}",
        "prepared": prepared_text(data.preparation),
        "classes": None if classes is None else classes_text(classes),
        "network": neurons_text(document["width"]),
        "beta": f"{model.beta_:.8g}  (from {model.beta_max_:.8g} on the network is zero)",
        "loss": loss_text(model.loss, 0 if classes is None or model.multi_class == "ovr" else len(classes)),
        "training R2": document.get("training_r2"),
        "training accuracy": document.get("training_accuracy"),
        "status": model.status_,
        "saved to": document["output"],
    }
    print_pairs(console, pairs)
