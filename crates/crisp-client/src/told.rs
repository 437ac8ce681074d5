//! What a record says about one of its fields: a value, that there is none, or nothing at all.

/// What a record says about a field. A record that is silent about a field must not empty it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Told<T> {
    /// The record does not speak of it, or in a way that nobody understands: what is known stays true.
    #[default]
    Silent,
    /// There is none.
    Nothing,
    /// It is this.
    Value(T),
}

impl<T> Told<T> {
    /// The value, where there is one.
    pub const fn value(&self) -> Option<&T> {
        if let Self::Value(value) = self { Some(value) } else { None }
    }

    /// Translates the value; one without a translation is none.
    pub fn translated<U>(&self, translate: impl FnOnce(&T) -> Option<U>) -> Told<U> {
        match self {
            Self::Silent => Told::Silent,
            Self::Nothing => Told::Nothing,
            Self::Value(value) => translate(value).map_or(Told::Nothing, Told::Value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_survives_translation() {
        let shout = |text: &&str| (!text.is_empty()).then(|| text.to_uppercase());
        assert_eq!(Told::<&str>::Silent.translated(shout), Told::Silent);
        assert_eq!(Told::<&str>::Nothing.translated(shout), Told::Nothing);
        assert_eq!(Told::Value("").translated(shout), Told::Nothing);
        assert_eq!(Told::Value("a").translated(shout).value().map(String::as_str), Some("A"));
    }
}
