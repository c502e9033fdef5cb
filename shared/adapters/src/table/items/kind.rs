//! The description of a kind of item: its key, its indexes and its lifetime.

use super::ITEMS;

/// Whether the items of a kind carry an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// No item does.
    Never,
    /// Some do.
    Sometimes,
    /// Every item does.
    Always,
}

/// An attribute that the items of a kind may carry.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Whether they do.
    pub presence: Presence,
    /// When they do, or the value that they have; for readers.
    pub text: &'static str,
}

/// A kind of item.
///
/// In a key or a list, `<name>` stands for at least one character other than `#`, `<name…>` for at
/// least one character of any kind. Everything else stands for itself.
#[derive(Clone, Copy, Debug)]
pub struct ItemKind {
    /// The name of the kind.
    pub name: &'static str,
    /// The partition key.
    pub pk: &'static str,
    /// The sort key.
    pub sk: &'static str,
    /// `due_shard` and `due_at`: the index of what the sweep rings for.
    pub due: Attribute,
    /// `list` and `list_at`: the index that the API lists; the text is the value of `list`.
    pub listing: Attribute,
    /// `expires_at`, the time to live; the text says when the item goes.
    pub expires: Attribute,
}

pub(super) const fn never(text: &'static str) -> Attribute {
    Attribute { presence: Presence::Never, text }
}

pub(super) const fn sometimes(text: &'static str) -> Attribute {
    Attribute { presence: Presence::Sometimes, text }
}

pub(super) const fn always(text: &'static str) -> Attribute {
    Attribute { presence: Presence::Always, text }
}

/// A kind that is on no index.
pub(super) const fn kind(
    name: &'static str,
    pk: &'static str,
    sk: &'static str,
    expires: Attribute,
) -> ItemKind {
    ItemKind { name, pk, sk, due: never(""), listing: never(""), expires }
}

/// A kind that is due, or listed, or both.
pub(super) const fn indexed(kind: ItemKind, due: Attribute, listing: Attribute) -> ItemKind {
    ItemKind { due, listing, ..kind }
}

impl ItemKind {
    /// The kind of the item with this key; `None` if no kind has such a key.
    pub fn of(pk: &str, sk: &str) -> Option<&'static Self> {
        ITEMS.iter().find(|kind| fits(kind.pk, pk) && fits(kind.sk, sk))
    }
}

/// Whether a text has the form of a pattern.
pub fn fits(pattern: &str, text: &str) -> bool {
    let Some((literal, rest)) = pattern.split_once('<') else { return pattern == text };
    let Some(text) = text.strip_prefix(literal) else { return false };
    let (name, rest) = rest.split_once('>').unwrap_or((rest, ""));
    let end = if name.ends_with('…') { text.len() } else { text.find('#').unwrap_or(text.len()) };
    0 < end && fits(rest, &text[end..])
}
