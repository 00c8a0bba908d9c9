//! Payment card numbers: 13 to 19 digits with a known issuer, grouped as on a card or not at all, that pass the Luhn check.

use std::ops::Range;

use crate::bytes::{at, before, in_word};

const MOST_DIGITS: usize = 19;

/// The card number that starts at `start`.
pub(crate) fn card(b: &[u8], start: usize) -> Option<Range<usize>> {
    if !at(b, start).is_ascii_digit() || !is_free_before(b, start) {
        return None;
    }
    let mut digits = [0_u8; MOST_DIGITS];
    let mut count = 0;
    // Digits in each group; the last one is open.
    let (mut groups, mut group) = ([0_u8; 5], 0);
    let mut separator = 0;
    let mut i = start;
    loop {
        let c = at(b, i);
        if c.is_ascii_digit() {
            *digits.get_mut(count)? = c - b'0';
            *groups.get_mut(group)? += 1;
            count += 1;
        } else if (c == b' ' || c == b'-')
            && (separator == 0 || separator == c)
            && at(b, i + 1).is_ascii_digit()
        {
            if group == 0 && groups.first() != Some(&4) {
                break;
            }
            separator = c;
            group += 1;
        } else {
            break;
        }
        i += 1;
    }
    let digits = digits.get(..count)?;
    let grouped = matches!(
        groups,
        [13..=19, 0, ..] | [4, 4, 4, 4, 0..=3] | [4, 6, 4 | 5, 0, 0]
    );
    (grouped && is_free_behind(b, i) && has_issuer(digits) && luhn(digits)).then_some(start..i)
}

fn is_free_before(b: &[u8], start: usize) -> bool {
    match before(b, start) {
        b'_' => false,
        _ if in_word(b, start) => false,
        // `0.4111…` and `a1b2-4111-…` are parts of something longer.
        b'.' | b'-' => !start
            .checked_sub(1)
            .is_some_and(|i| before(b, i).is_ascii_alphanumeric()),
        _ => true,
    }
}

fn is_free_behind(b: &[u8], end: usize) -> bool {
    match at(b, end) {
        c if c.is_ascii_alphanumeric() || c == b'_' => false,
        b'.' | b'-' => !at(b, end + 1).is_ascii_alphanumeric(),
        _ => true,
    }
}

/// Issuer ranges of ISO/IEC 7812 that are in use: American Express, Diners, Discover, JCB, Maestro, Mastercard, UnionPay, Visa.
fn has_issuer(digits: &[u8]) -> bool {
    let lead = digits
        .iter()
        .take(4)
        .fold(0_u16, |n, d| n * 10 + u16::from(*d));
    matches!(
        (digits.len(), lead),
        (13 | 16 | 19, 4000..=4999)
            | (16, 2221..=2720 | 5100..=5599 | 3528..=3589 | 6440..=6499)
            | (15, 3400..=3499 | 3700..=3799)
            | (14, 3000..=3059 | 3600..=3699 | 3800..=3999)
            | (16..=19, 6011 | 6200..=6299 | 6500..=6599 | 6759 | 6304)
    )
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &d)| match (i % 2, u32::from(d)) {
            (0, d) => d,
            (_, d) if d > 4 => 2 * d - 9,
            (_, d) => 2 * d,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        (0..text.len())
            .find_map(|i| card(text.as_bytes(), i))
            .map(|range| &text[range])
    }

    #[test]
    fn cards_of_all_issuers() {
        for number in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4222222222222",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "30569309025904",
            "3056 930902 5904",
            "6011111111111117",
            "3530111333300000",
            "6200000000000005",
            "6304000000000000",
        ] {
            assert_eq!(found(number), Some(number));
            assert_eq!(found(&format!("card={number}, ok")), Some(number));
            assert_eq!(found(&format!("({number}).")), Some(number));
        }
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "4111111111111112",
            "1700000000000000000",
            "2024-01-15 12:34:56",
            "0.4111111111111111",
            "a4111111111111111",
            "4111111111111111f",
            "4111111111111111.5",
            "41111111111111110000",
            "4111-1111-1111-1111-1111-1111",
            "4111 1111-1111 1111",
            "411 1111111111111",
            "01234567-4111-1111-1111-111111111111",
            "9999999999999995",
            "",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
