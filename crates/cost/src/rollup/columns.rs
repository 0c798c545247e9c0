//! Numbers of a roll-up, column by column, each as narrow as it can be.

/// A column of whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Column {
    /// The same number in every row.
    Same(i128),
    /// A number and what comes on top of it.
    Narrow(i64, Vec<u32>),
    /// As they are.
    Wide(Vec<i64>),
    /// As they are.
    Huge(Vec<i128>),
}

impl Column {
    /// Packs numbers.
    pub fn of(numbers: &[i128]) -> Column {
        let least = numbers.iter().copied().min().unwrap_or(0);
        let most = numbers.iter().copied().max().unwrap_or(0);
        if least == most {
            return Column::Same(least);
        }
        let narrow = most.checked_sub(least).is_some_and(|range| range <= i128::from(u32::MAX));
        match (i64::try_from(least), i64::try_from(most)) {
            (Ok(base), Ok(_)) if narrow => {
                let above = |number: &i128| u32::try_from(*number - least).unwrap_or(u32::MAX);
                Column::Narrow(base, numbers.iter().map(above).collect())
            }
            (Ok(_), Ok(_)) => {
                let number = |number: &i128| i64::try_from(*number).unwrap_or(i64::MAX);
                Column::Wide(numbers.iter().map(number).collect())
            }
            _ => Column::Huge(numbers.to_vec()),
        }
    }

    /// The number of a row; 0 of a row that is not there.
    pub fn get(&self, row: usize) -> i128 {
        match self {
            Column::Same(number) => *number,
            Column::Narrow(base, above) => {
                i128::from(*base) + above.get(row).map_or(0, |above| i128::from(*above))
            }
            Column::Wide(numbers) => numbers.get(row).map_or(0, |number| i128::from(*number)),
            Column::Huge(numbers) => numbers.get(row).copied().unwrap_or(0),
        }
    }

    /// Bytes it takes, without its own head.
    pub fn bytes(&self) -> usize {
        match self {
            Column::Same(_) => 0,
            Column::Narrow(_, above) => above.len() * 4,
            Column::Wide(numbers) => numbers.len() * 8,
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
        }
    }
}
