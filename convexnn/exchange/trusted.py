"""The types that a file of skops may name when it holds one of our estimators."""

TRUSTED_TYPES = [
    f"convexnn.{name}"
    for name in (
        "arrangements.patterns.ActivationPatterns",
        "duality.gated.GatedCertificate",
        "duality.interpolation.InterpolationCertificate",
        "duality.records.Certificate",
        "duality.records.RestrictedCertificate",
        "duality.records.Price",
        "estimators._beta_path.BetaPath",
        "estimators._beta_path.StrengthRecord",
        "estimators.classifier.ConvexReLUClassifier",
        "estimators.cross_validation.ConvexReLUClassifierCV",
        "estimators.cross_validation.ConvexReLURegressorCV",
        "estimators.gated_classifier.GatedReLUClassifier",
        "estimators.gated_regressor.GatedReLURegressor",
        "estimators.interpolator.MinNormReLUInterpolator",
        "estimators.regressor.ConvexReLURegressor",
        "losses.AbsoluteLoss",
        "losses.HuberLoss",
        "losses.LogisticLoss",
        "losses.QuantileLoss",
        "losses.SquaredHingeLoss",
        "losses.SquaredLoss",
        "matrix_losses.ColumnLoss",
        "matrix_losses.MultinomialLoss",
        "network.TwoLayerReLU",
        "programs.free_span.FreeSpan",
        "programs.interpolation.InterpolationProblem",
        "programs.program.Problem",
        "programs.vector_program.VectorProblem",
        "responses.left_out.Samples",
    )
]
