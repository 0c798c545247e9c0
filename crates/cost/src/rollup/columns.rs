//! Numbers of a roll-up, column by column, each as narrow as it can be.

/// A column of whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Column {
    /// The numbers are on disk and were not read.
    Unread,
    /// The same number in every row.
    Same(i128),
    /// A number, and what comes on top of it: so many times a factor.
    Packed(Packed),
    /// As they are.
    Huge(Vec<i128>),
}

/// Numbers as multiples of a factor on top of the least of them, in as few bytes as the greatest multiple needs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Packed {
    least: i64,
    factor: u64,
    /// Bytes of a number, 1 to 8.
    width: usize,
    /// One after the other, the least significant byte first, and a few more, so that eight can always be read.
    bytes: Vec<u8>,
}

impl Packed {
    /// `thrifty` if it is worth looking for a factor.
    fn of(
        numbers: impl Iterator<Item = i64> + Clone,
        (least, most): (i64, i64),
        count: usize,
        thrifty: bool,
    ) -> Packed {
        let mut factor = if thrifty { 0 } else { 1 };
        for number in numbers.clone() {
            let above = number.abs_diff(least);
            if factor == 1 {
                break;
            }
            if factor == 0 || above % factor != 0 {
                factor = common_divisor(factor, above);
            }
        }
        let factor = factor.max(1);
        let width = 8 - ((most.abs_diff(least) / factor).max(1).leading_zeros() / 8) as usize;
        let mut bytes = Vec::with_capacity(count * width + 8);
        for number in numbers {
            let above = number.abs_diff(least);
            let times = if factor == 1 { above } else { above / factor };
            bytes.extend(times.to_le_bytes().iter().take(width));
        }
        bytes.extend([0; 8]);
        Packed { least, factor, width, bytes }
    }

    fn get(&self, row: usize) -> Option<i64> {
        let place = row.checked_mul(self.width)?;
        // the last eight bytes are no number
        if place + self.width + 8 > self.bytes.len() {
            return None;
        }
        let eight = self.bytes.get(place..)?.first_chunk::<8>()?;
        let times = u64::from_le_bytes(*eight) & (u64::MAX >> (64 - 8 * self.width as u32));
        // this is a number that was packed, whatever the sum does on its way
        Some(self.least.wrapping_add_unsigned(times.wrapping_mul(self.factor)))
    }
}

fn common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

impl Column {
    /// Packs numbers.
    pub fn of(numbers: &[i128]) -> Column {
        let least = numbers.iter().copied().min().unwrap_or(0);
        let most = numbers.iter().copied().max().unwrap_or(0);
        if least == most {
            return Column::Same(least);
        }
        match (i64::try_from(least), i64::try_from(most)) {
            (Ok(least), Ok(most)) => {
                // all of them lie between two that fit
                let small = numbers.iter().map(|number| *number as i64);
                Column::Packed(Packed::of(small, (least, most), numbers.len(), false))
            }
            _ => Column::Huge(numbers.to_vec()),
        }
    }

    /// Packs numbers at places of a list; 0 where there is none. `thrifty` if they are kept for long.
    pub fn of_places(numbers: &[i64], places: &[usize], thrifty: bool) -> Column {
        let small = places.iter().map(|place| numbers.get(*place).copied().unwrap_or(0));
        let (least, most) = small
            .clone()
            .fold((i64::MAX, i64::MIN), |(least, most), number| (least.min(number), most.max(number)));
        match least >= most {
            true if places.is_empty() => Column::Same(0),
            true => Column::Same(least.into()),
            false => Column::Packed(Packed::of(small, (least, most), places.len(), thrifty)),
        }
    }

    /// The number of a row; 0 of a row that is not there.
    pub fn get(&self, row: usize) -> i128 {
        match self {
            Column::Unread => 0,
            Column::Same(number) => *number,
            Column::Packed(packed) => packed.get(row).unwrap_or(0).into(),
            Column::Huge(numbers) => numbers.get(row).copied().unwrap_or(0),
        }
    }

    /// Bytes it takes, without its own head.
    pub fn bytes(&self) -> usize {
        match self {
            Column::Unread | Column::Same(_) => 0,
            Column::Packed(packed) => packed.bytes.len(),
            Column::Huge(numbers) => numbers.len() * 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_column_has_what_was_put_in(numbers in proptest::collection::vec(any::<i128>(), 0..20), shift in 0u32..127) {
            let numbers: Vec<i128> = numbers.into_iter().map(|number| number >> shift).collect();
            let column = Column::of(&numbers);
            let found: Vec<i128> = (0..numbers.len()).map(|row| column.get(row)).collect();
            prop_assert_eq!(found, numbers);
            prop_assert_eq!(column.get(20), if let Column::Same(number) = column { number } else { 0 });
        }

        #[test]
        fn so_has_one_of_places(
            numbers in proptest::collection::vec(any::<i64>(), 1..20),
            places in proptest::collection::vec(0usize..20, 0..20),
            factor in 1i64..1_000_000,
            shift in 0u32..63,
            thrifty in any::<bool>(),
        ) {
            let numbers: Vec<i64> =
                numbers.into_iter().map(|number| (number >> shift).saturating_mul(factor)).collect();
            let column = Column::of_places(&numbers, &places, thrifty);
            for (row, place) in places.iter().enumerate() {
                prop_assert_eq!(column.get(row), i128::from(numbers.get(*place).copied().unwrap_or(0)));
            }
        }
    }
}
