//! Laws of experiments.
