//! The table of field numbers, `numbers.txt`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One numbered field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) number: u32,
    /// The JSON name; for fields of the enclosing object, the type that holds them.
    pub(super) name: &'static str,
    /// A zero is written, because Go tells it from absent or does not leave it out.
    pub(super) keeps_zero: bool,
    /// The message's fields belong to the enclosing object.
    pub(super) inline: bool,
}

static TABLE: LazyLock<BTreeMap<&'static str, Vec<Slot>>> =
    LazyLock::new(|| read(include_str!("numbers.txt")));

/// The fields of a message type, by its name in the published OpenAPI, in the order of their numbers.
pub(super) fn slots(type_name: &str) -> Option<&'static [Slot]> {
    TABLE.get(type_name).map(Vec::as_slice)
}

/// The field with a number.
pub(super) fn slot(slots: &'static [Slot], number: u32) -> Option<Slot> {
    let place = slots.binary_search_by_key(&number, |slot| slot.number).ok()?;
    Some(slots[place])
}

fn read(text: &'static str) -> BTreeMap<&'static str, Vec<Slot>> {
    let mut table = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let Some(type_name) = words.next() else { continue };
        let mut slots: Vec<Slot> = words.filter_map(read_slot).collect();
        slots.sort_by_key(|slot| slot.number);
        table.insert(type_name, slots);
    }
    table
}

fn read_slot(word: &'static str) -> Option<Slot> {
    let (name, number) = word.split_once('=')?;
    let keeps_zero = number.ends_with('*');
    let number = number.trim_end_matches('*').parse().ok()?;
    let inline = name.starts_with('<');
    Some(Slot { number, name: name.trim_start_matches('<'), keeps_zero, inline })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::builtin_type;

    #[test]
    fn every_numbered_field_is_a_field_of_its_type() {
        let mut checked = 0;
        for (type_name, slots) in TABLE.iter() {
            assert!(
                slots.windows(2).all(|pair| pair[0].number < pair[1].number),
                "{type_name} has a number twice"
            );
            // Messages that are part of other objects have no schema of their own.
            let Some(schema) = builtin_type(type_name) else { continue };
            for slot in slots.iter().filter(|slot| !slot.inline) {
                assert!(schema.view().declares(slot.name), "{type_name} has no field {}", slot.name);
                checked += 1;
            }
        }
        assert!(checked > 1500, "{checked}");
    }

    #[test]
    fn inlined_messages_are_in_the_table() {
        for (type_name, slots) in TABLE.iter() {
            let package = type_name.rsplit_once('.').unwrap().0;
            for slot in slots.iter().filter(|slot| slot.inline) {
                assert!(
                    TABLE.contains_key(format!("{package}.{}", slot.name).as_str()),
                    "{type_name}: {}",
                    slot.name
                );
            }
        }
    }
}
