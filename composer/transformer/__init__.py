"""The affective transformer: prepared music, model, training, sampling; `compose(plan) -> Score` as every generator has it."""
