//! Numbers as text, appended to bytes without a detour: for files of very many rows.
//!
//! The standard library's formatting writes the same, but was measured to make the report of a run with many requests slower
//! (`cargo bench`).

use crate::kernel::Span;

/// Appends a whole number.
pub(super) fn push_integer(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Appends milliseconds with up to three decimals and no trailing zeros, as [`crate::kernel::Time`] prints them.
pub(super) fn push_millis(out: &mut Vec<u8>, span: Span) {
    let micros = span.as_micros();
    push_integer(out, micros / 1_000);
    let decimals = (micros % 1_000) as u32;
    if decimals > 0 {
        let digits = [decimals / 100, decimals / 10 % 10, decimals % 10].map(|digit| b'0' + digit as u8);
        let length = 3 - digits.iter().rev().take_while(|digit| **digit == b'0').count();
        out.push(b'.');
        out.extend_from_slice(&digits[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;

    fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn integers_read_as_the_standard_library_prints_them() {
        for number in [0, 7, 10, 99, 100, 12_345, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(text(|out| push_integer(out, number)), number.to_string());
        }
    }

    #[test]
    fn milliseconds_read_as_times_print_them() {
        for nanos in [0, 999, 1_000, 10_000, 100_000, 1_000_000, 1_234_567, 1_230_000_000, 1_200_500_000, u64::MAX] {
            let time = Time::from_nanos(nanos);
            assert_eq!(text(|out| push_millis(out, time.since_start())), time.to_string());
        }
    }
}
