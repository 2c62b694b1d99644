//! Runs in parallel, results in order.

use rayon::prelude::*;

/// Does `work` for each number below `count`, on all cores; the results are in order of the numbers. `done` is called after each
/// piece of work, in any order.
pub fn in_order<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync, done: &(dyn Fn() + Sync)) -> Vec<T> {
    (0..count)
        .into_par_iter()
        .map(|number| {
            let result = work(number);
            done();
            result
        })
        .collect()
}
